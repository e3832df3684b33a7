//! The real binary in a pseudo-terminal, and what stands on the screen.

use std::fs::File;
use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

/// How long a terminal may stay as it is while words are waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a process wrote to its terminal so far, and the screen that it makes.
pub struct Screen {
    pub bytes: Vec<u8>,
    parser: vt100::Parser,
    is_over: bool,
}

impl Screen {
    /// The rows of the screen with what scrolled off it before.
    pub fn text(&self) -> String {
        self.parser.screen().contents()
    }
}

/// A process in a terminal. Killed when it is dropped.
pub struct Terminal {
    child: Child,
    state: Arc<(Mutex<Screen>, Condvar)>,
    reader: Option<JoinHandle<()>>,
    master: File,
}

impl Terminal {
    /// Starts a program whose three streams are a terminal of this size.
    pub fn start(mut command: Command, rows: u16, columns: u16) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        resize(&master, rows, columns);
        let path = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        let open = || Stdio::from(File::options().read(true).write(true).open(&path).unwrap());
        command.env("TERM", "xterm-256color").stdin(open()).stdout(open()).stderr(open());
        let child = command.spawn().unwrap();
        // The command holds the other end open as long as it lives.
        drop(command);
        let master = File::from(master);
        let screen = Screen { bytes: Vec::new(), parser: vt100::Parser::new(rows, columns, 0), is_over: false };
        let state = Arc::new((Mutex::new(screen), Condvar::new()));
        let reader = std::thread::spawn({
            let (state, mut from) = (Arc::clone(&state), master.try_clone().unwrap());
            move || read(&mut from, &state)
        });
        Self { child, state, reader: Some(reader), master }
    }

    /// Waits until the screen has these words.
    pub fn wait_for(&self, words: &str) {
        let (screen, changed) = &*self.state;
        let mut screen = screen.lock().unwrap();
        while !screen.text().contains(words) {
            assert!(!screen.is_over, "it ended without `{words}`:\n{}", screen.text());
            let (back, waited) = changed.wait_timeout(screen, PATIENCE).unwrap();
            screen = back;
            assert!(!waited.timed_out(), "nothing for {PATIENCE:?} while waiting for `{words}`:\n{}", screen.text());
        }
    }

    /// What stands on the screen.
    pub fn text(&self) -> String {
        self.state.0.lock().unwrap().text()
    }

    /// Makes the window another size.
    pub fn resize(&self, rows: u16, columns: u16) {
        self.state.0.lock().unwrap().parser.screen_mut().set_size(rows, columns);
        resize(&self.master, rows, columns);
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for the end: the exit code and all that was written.
    pub fn end(mut self) -> (Option<i32>, Screen) {
        let code = self.child.wait().unwrap().code();
        self.reader.take().unwrap().join().unwrap();
        let screen = std::mem::replace(
            &mut *self.state.0.lock().unwrap(),
            Screen { bytes: Vec::new(), parser: vt100::Parser::new(1, 1, 0), is_over: true },
        );
        (code, screen)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn resize(master: impl std::os::fd::AsFd, rows: u16, columns: u16) {
    tcsetwinsize(master, Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
}

/// Reads until the last process that has the terminal open is gone.
fn read(from: &mut File, state: &(Mutex<Screen>, Condvar)) {
    let mut buffer = [0; 4096];
    loop {
        let count = from.read(&mut buffer).unwrap_or(0);
        let mut screen = state.0.lock().unwrap();
        screen.parser.process(&buffer[..count]);
        screen.bytes.extend_from_slice(&buffer[..count]);
        screen.is_over = count == 0;
        state.1.notify_all();
        if count == 0 {
            return;
        }
    }
}
