//! stdout is data, stderr is talk.

use std::fmt::Display;
use std::io::{self, Write};

use clap::builder::styling::{AnsiColor, Style};
use serde_json::Value;

/// How this process speaks.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    /// Data is JSON: one object or array a line.
    pub json: bool,
}

/// The error of writing to a pipe that nobody reads any more is the caller's to ignore.
pub type Written = io::Result<()>;

impl Output {
    /// A line of data. Colours are left out where nobody would see them: `NO_COLOR`, no terminal.
    pub fn data(self, text: impl Display) -> Written {
        writeln!(anstream::stdout().lock(), "{text}")
    }

    /// A value as one line of data.
    pub fn value(self, value: &Value) -> Written {
        writeln!(io::stdout().lock(), "{value}")
    }

    /// Bytes of data as they are.
    pub fn bytes(self, bytes: &[u8]) -> Written {
        let mut stdout = io::stdout().lock();
        stdout.write_all(bytes)?;
        stdout.flush()
    }

    /// A line for people. With `--json` there is none: whoever parses one stream reads the other only for errors.
    pub fn talk(self, text: impl Display) {
        if !self.json {
            warn(text);
        }
    }
}

/// A line that people must see, whatever the form of the data. Nobody can be told when stderr is gone.
pub fn warn(text: impl Display) {
    let _ = writeln!(anstream::stderr().lock(), "{text}");
}

/// A status word in its colour. The word alone says everything; the colour only helps to find it.
pub fn status(word: &str) -> String {
    let color = match word {
        "success" => AnsiColor::Green,
        "failed" => AnsiColor::Red,
        "retrying" | "cancelled" | "paused" | "waiting" => AnsiColor::Yellow,
        "running" | "started" | "dispatched" => AnsiColor::Cyan,
        _ => return word.to_owned(),
    };
    paint(Style::new().fg_color(Some(color.into())), word)
}

/// Something that is beside the point.
pub fn faint(text: &str) -> String {
    paint(Style::new().dimmed(), text)
}

/// The heading of an error.
pub fn alarm(text: &str) -> String {
    paint(Style::new().bold().fg_color(Some(AnsiColor::Red.into())), text)
}

fn paint(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}
