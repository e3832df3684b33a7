//! What a supervisor that started this process is told, as systemd's `Type=notify` has it (sd_notify(3)): a datagram to the
//! socket that `NOTIFY_SOCKET` names. Without one nobody asks.

use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// Something that a supervisor wants to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// It does its work from now on.
    Ready,
    /// It ends.
    Stopping,
}

/// Tells the supervisor, if there is one. It notices by itself when nobody tells it.
pub fn tell(news: News) {
    let Some(socket) = std::env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty()) else { return };
    send(&socket, news).ok();
}

fn send(socket: &OsStr, news: News) -> io::Result<()> {
    let address = match socket.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(socket)?,
    };
    let word: &[u8] = match news {
        News::Ready => b"READY=1",
        News::Stopping => b"STOPPING=1",
    };
    UnixDatagram::unbound()?.send_to_addr(word, &address).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(address: &SocketAddr, name: &OsStr) -> String {
        let ears = UnixDatagram::bind_addr(address).unwrap();
        let mut bytes = [0; 32];
        send(name, News::Ready).unwrap();
        let first = ears.recv(&mut bytes).unwrap();
        let said = String::from_utf8_lossy(&bytes[..first]).into_owned();
        send(name, News::Stopping).unwrap();
        let second = ears.recv(&mut bytes).unwrap();
        said + " " + &String::from_utf8_lossy(&bytes[..second])
    }

    #[test]
    fn a_supervisor_hears_of_both_kinds_of_sockets() {
        let path = std::env::temp_dir().join(format!("ork-notify-{}", std::process::id()));
        let by_path = SocketAddr::from_pathname(&path).unwrap();
        assert_eq!(heard(&by_path, path.as_os_str()), "READY=1 STOPPING=1");
        std::fs::remove_file(&path).unwrap();
        let name = format!("ork-notify-{}", std::process::id());
        let by_name = SocketAddr::from_abstract_name(&name).unwrap();
        assert_eq!(heard(&by_name, OsStr::new(&format!("@{name}"))), "READY=1 STOPPING=1");
        assert!(send(path.as_os_str(), News::Ready).is_err());
    }
}
