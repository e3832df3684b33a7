//! Which machine this is, and who uses it.

use std::fs;

use rustix::system::uname;

/// A text that tells machines apart: the host's name, and eight digits of its machine id where it has one.
///
/// Not the boot's id: a run that is pinned to this machine must find it again after a reboot, and that a worker of an
/// earlier boot is dead shows in its lock, which no boot survives.
pub fn identity() -> String {
    let name = clean(&uname().nodename().to_string_lossy());
    match fs::read_to_string("/etc/machine-id").map(|id| id.trim().chars().take(8).collect::<String>()) {
        Ok(id) if !id.is_empty() => format!("{name}-{}", clean(&id)),
        _ => name,
    }
}

/// Who to write down as the one who did something: the user at the keyboard.
pub fn user() -> String {
    ["USER", "LOGNAME"]
        .iter()
        .find_map(|name| std::env::var(name).ok())
        .filter(|name| !name.is_empty() && name.len() <= 128)
        .unwrap_or_else(|| format!("uid-{}", rustix::process::getuid().as_raw()))
}

/// Part of the name of a lane, where `@` and `#` have a meaning.
fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-') { c } else { '_' }).collect()
}
