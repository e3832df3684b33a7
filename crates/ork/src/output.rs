//! stdout is data, stderr is talk.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

use clap::builder::styling::{AnsiColor, Style};
use serde_json::Value;

use crate::log_text::harmless;
use crate::region;

/// How this process speaks.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    /// Data is JSON: one object or array a line.
    pub json: bool,
}

/// The error of writing to a pipe that nobody reads any more is the caller's to ignore.
pub type Written = io::Result<()>;

impl Output {
    /// A line of data. Colours are left out where nobody would see them: `NO_COLOR`, no terminal. What else a terminal would obey is
    /// written out there; programs get it as it is.
    pub fn data(self, text: impl Display) -> Written {
        let text = text.to_string();
        let shown = if io::stdout().is_terminal() { harmless(&text) } else { text.as_str().into() };
        writeln!(anstream::stdout().lock(), "{shown}")
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

/// A line that people must see, whatever the form of the data.
pub fn warn(text: impl Display) {
    region::tell(&harmless(&text.to_string()));
}

/// A status word in its colour. The word alone says everything; the colour only helps to find it.
pub fn status(word: &str) -> String {
    let color = match word {
        "success" => AnsiColor::Green,
        "failed" => AnsiColor::Red,
        "retrying" | "cancelled" | "cancelling" | "paused" | "waiting" | "slow" => AnsiColor::Yellow,
        "running" | "started" | "dispatched" => AnsiColor::Cyan,
        _ => return word.to_owned(),
    };
    paint(Style::new().fg_color(Some(color.into())), word)
}

/// What a colour says.
#[derive(Debug, Clone, Copy)]
pub enum Tone {
    Good,
    Bad,
}

/// Text in the colour of good or of bad.
pub fn toned(tone: Tone, text: &str) -> String {
    let color = match tone {
        Tone::Good => AnsiColor::Green,
        Tone::Bad => AnsiColor::Red,
    };
    paint(Style::new().fg_color(Some(color.into())), text)
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
