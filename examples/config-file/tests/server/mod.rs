//! A real `redis-server` for one test, behind a socket of its own in a folder of its own, so that no port can be somebody else's.

use std::fs;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use config_file::ConfigFile;
use rampart_core::{RevocationState, Revocations};

/// Whatever is waited for comes within this, or never.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Redis {
    folder: PathBuf,
    process: Child,
}

impl Redis {
    pub(crate) fn start() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        // Not below the build folder: the path of a socket may have about a hundred bytes.
        let folder = std::env::temp_dir().join(format!("rampart-redis-{}-{number}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let process = Command::new("redis-server")
            .args(["--port", "0", "--unixsocket", "socket", "--save", "", "--appendonly", "no", "--daemonize", "no"])
            .current_dir(&folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| {
                panic!(
                    "redis-server cannot be started ({error}): install it, such as by `apt-get install redis-server`"
                )
            });
        let redis = Self { folder, process };
        let begun = Instant::now();
        while UnixStream::connect(redis.folder.join("socket")).is_err() {
            assert!(begun.elapsed() < PATIENCE, "redis-server does not answer");
            std::thread::sleep(Duration::from_millis(5));
        }
        redis
    }

    /// The section `[redis]` of a replica that may be the first one.
    pub(crate) fn section(&self) -> String {
        let socket = self.folder.join("socket");
        format!("[redis]\nurl = 'redis+unix://{}'\nprefix = 'my-api:'\ninitialize = true\n", socket.display())
    }
}

/// What the replicas of a file share, once it was read whole: a replica to revoke at.
pub(crate) async fn revocations_of(file: &ConfigFile) -> Revocations {
    let revocations = file.shared().unwrap().revocations;
    let begun = Instant::now();
    while revocations.health().state != RevocationState::Current {
        assert!(begun.elapsed() < PATIENCE, "{:?}", revocations.health());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    revocations
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}
