//! Files that a test has written.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use config_file::ConfigFile;

/// A file of this test run, which goes when it is dropped.
pub(crate) struct Written(pub(crate) PathBuf);

impl Written {
    pub(crate) fn new(text: impl AsRef<[u8]>) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("rampart-{}-{}.toml", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::write(&path, text).unwrap();
        Self(path)
    }

    pub(crate) fn read(&self) -> ConfigFile {
        ConfigFile::read(&self.0).unwrap()
    }

    /// What is said of it, less its path.
    pub(crate) fn refusal(&self) -> String {
        let error = ConfigFile::read(&self.0).and_then(|file| file.auth()).unwrap_err();
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
        let said = error.to_string();
        said.strip_prefix(self.0.to_str().unwrap()).unwrap_or_else(|| panic!("{said}")).to_owned()
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
