//! The Redis that the API's replicas share, as the soak sees it: [`keeper`](crate::keeper) has it.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

pub(crate) struct Redis {
    port: u16,
    keeper: Child,
    orders: Option<ChildStdin>,
    done: BufReader<ChildStdout>,
    /// What makes it answer again.
    remedy: Option<&'static str>,
}

impl Redis {
    pub(crate) fn start() -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        // In a group of its own: an interrupt from the keyboard ends the soak, and that ends this.
        command.arg("--keep-redis").process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut keeper = command.spawn().unwrap();
        let (orders, mut done) = (keeper.stdin.take(), BufReader::new(keeper.stdout.take().unwrap()));
        let mut line = String::new();
        done.read_line(&mut line).unwrap();
        let port = line.trim().parse().expect("redis-server starts");
        Self { port, keeper, orders, done, remedy: None }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// At once, and without saving anything.
    pub(crate) fn kill(&mut self) {
        self.order("kill");
        self.remedy = Some("start");
    }

    /// It keeps its connections, and answers nothing.
    pub(crate) fn pause(&mut self) {
        self.order("pause");
        self.remedy = Some("resume");
    }

    /// It answers again: on the same port and empty where it was killed, and as it was where it was paused.
    pub(crate) fn heal(&mut self) {
        if let Some(remedy) = self.remedy.take() {
            self.order(remedy);
        }
    }

    pub(crate) fn flush(&self) {
        assert_eq!(call(self.port, "FLUSHALL").unwrap(), "+OK");
    }

    fn order(&mut self, order: &str) {
        let orders = self.orders.as_mut().expect("it is taken when this ends");
        writeln!(orders, "{order}").and_then(|()| orders.flush()).unwrap();
        let mut line = String::new();
        self.done.read_line(&mut line).unwrap();
        assert_eq!(line, "done\n", "{order}");
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        drop(self.orders.take());
        let _ = self.keeper.wait();
    }
}

/// What a server says to a command, in one line.
pub(crate) fn call(port: u16, command: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    stream.write_all(format!("{command}\r\n").as_bytes())?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    Ok(line.trim_end().to_owned())
}
