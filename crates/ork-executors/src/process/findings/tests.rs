//! What is found, what is left out, and what of it is read in the end.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::*;

struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("ork-findings-{name}-{}", std::process::id()));
        fs::remove_dir_all(&path).ok();
        fs::create_dir_all(path.join("in")).unwrap();
        Self(path)
    }

    fn write(&self, name: &str) {
        let path = self.0.join("in").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, name).unwrap();
    }

    fn folder(&self) -> Beneath {
        Beneath::open(&self.0.join("in")).unwrap()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

fn names(found: &Findings) -> Vec<&str> {
    found.files.iter().map(|file| file.name.as_str()).collect()
}

fn wanted(globs: &[&str]) -> Wanted {
    let globs = globs.iter().map(|glob| (*glob).to_owned()).collect();
    Wanted { globs, name: None, kind: "video".into(), content_type: None, meta: None, optional: false }
}

fn check(place: &Place, globs: &[&str], expected: &[&str]) {
    let found = Findings::wanted(place.folder(), &Wanted { optional: true, ..wanted(globs) }).unwrap();
    assert_eq!(names(&found), expected, "{globs:?}");
}

/// Attack 26.
#[test]
fn names_that_cannot_be_kept_are_told() {
    let place = Place::new("names");
    place.write("fine/ä b.mp4");
    place.write("empty");
    fs::write(place.0.join("in/empty"), "").unwrap();
    for odd in [&b"back\\slash"[..], b"line\nbreak", b"bell\x07", "turned\u{202e}".as_bytes(), b"not-utf8-\xff"] {
        fs::write(place.0.join("in").join(OsStr::from_bytes(odd)), "x").unwrap();
    }
    symlink("/etc/shadow", place.0.join("in/shadow")).unwrap();
    let deep =
        place.0.join("in").join("a".repeat(250)).join("b".repeat(250)).join("c".repeat(250)).join("d".repeat(250));
    fs::create_dir_all(&deep).unwrap();
    fs::write(deep.join("e".repeat(100)), "x").unwrap();
    let found = Findings::all(place.folder()).unwrap();
    assert_eq!(names(&found), ["empty", "fine/ä b.mp4"]);
    assert_eq!(found.files.iter().map(|file| file.size).collect::<Vec<_>>(), [0, 13]);
    assert_eq!(found.files[1].content_type, "video/mp4");
    let lines = found.lines().join("\n");
    for part in [
        "`back\\\\slash` is left out: the name holds a backslash",
        "`line\\nbreak` is left out: the name holds a control character",
        "`turned\\u{202e}` is left out: the name holds a control character",
        "`not-utf8-\u{fffd}` is left out: its name is not valid UTF-8",
        "`shadow` is left out: it is a symbolic link",
        "is left out: the name has 1104 bytes, and at most 1024 are allowed",
    ] {
        assert!(lines.contains(part), "{part} is not told:\n{lines}");
    }
    assert_eq!(lines.lines().count(), 7, "{lines}");
}

#[test]
fn what_is_left_out_is_counted_when_it_is_much() {
    let place = Place::new("much");
    for n in 0..LINES_MAX + 5 {
        symlink("x", place.0.join(format!("in/{n}"))).unwrap();
    }
    let lines = Findings::all(place.folder()).unwrap().lines();
    assert_eq!((lines.len(), lines.last().unwrap().as_str()), (LINES_MAX + 1, "5 more are left out"));
}

#[test]
fn at_most_so_many() {
    let place = Place::new("many");
    for n in 0..KEPT_FILES_MAX {
        fs::write(place.0.join(format!("in/{n}")), "").unwrap();
    }
    assert_eq!(Findings::all(place.folder()).unwrap().files.len(), KEPT_FILES_MAX);
    place.write("more");
    assert_eq!(
        Findings::all(place.folder()).unwrap_err(),
        "more than 1000 files are to be kept: put them into an archive"
    );
    check(&place, &["more"], &["more"]);
}

#[test]
fn patterns() {
    let place = Place::new("patterns");
    for name in ["a.mp4", "out/a.mp4", "out/b.txt", "out/c/d.mp4", ".git/x.mp4", "out/.hidden.mp4"] {
        place.write(name);
    }
    check(&place, &["*.mp4"], &["a.mp4"]);
    check(&place, &["out/*.mp4"], &["out/a.mp4"]);
    check(&place, &["**/*.mp4"], &["a.mp4", "out/a.mp4", "out/c/d.mp4"]);
    check(&place, &["out/**/*"], &["out/a.mp4", "out/b.txt", "out/c/d.mp4"]);
    check(&place, &["out/*.txt", "a.mp4", "a.*"], &["a.mp4", "out/b.txt"]);
    check(&place, &["out"], &[]);
    check(&place, &[".git/*"], &[".git/x.mp4"]);
    symlink("a.mp4", place.0.join("in/link.mp4")).unwrap();
    symlink("out", place.0.join("in/folder")).unwrap();
    check(&place, &["l*.mp4"], &[]);
    check(&place, &["folder/*.mp4"], &[]);
    let refused = |wanted: &Wanted| Findings::wanted(place.folder(), wanted).unwrap_err();
    assert_eq!(refused(&wanted(&["*.avi", "x"])), "no file matches `*.avi`, `x`");
    assert_eq!(refused(&wanted(&["link*"])), "no file matches `link*`; `link.mp4` is left out: it is a symbolic link");
    assert!(refused(&wanted(&["../x"])).starts_with("`../x`: a part of the path is `..`"));
    let named = Wanted { name: Some("clip.mp4".into()), meta: Some(1.into()), ..wanted(&["a.mp4"]) };
    let found = Findings::wanted(place.folder(), &named).unwrap();
    let file = &found.files[0];
    assert_eq!((names(&found), file.kind.as_str(), file.meta.clone()), (vec!["clip.mp4"], "video", Some(1.into())));
    let two = Wanted { globs: vec!["**/*.mp4".into()], ..named };
    assert_eq!(refused(&two), "3 files match `**/*.mp4`, and `name` can name one");
}

/// The whole of a stream, or why there is none.
fn read(file: &KeptFile) -> Result<Vec<u8>, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let mut source = file.bytes.open().await.map_err(|error| error.to_string())?;
        let mut bytes = Vec::new();
        while let Some(piece) = source.next().await.map_err(|error| error.to_string())? {
            bytes.extend(piece);
        }
        Ok(bytes)
    })
}

#[test]
fn what_is_read_is_what_was_found() {
    let place = Place::new("read");
    place.write("sub/a");
    let (a, other) = (place.0.join("in/sub/a"), place.0.join("other"));
    fs::write(&other, "secret").unwrap();
    let found = Findings::all(place.folder()).unwrap();
    let file = &found.files[0];
    assert_eq!(read(file), Ok(b"sub/a".to_vec()));
    assert_eq!(read(file), Ok(b"sub/a".to_vec()), "as often as it is asked for");
    fs::write(&a, "longer than it was").unwrap();
    assert_eq!(read(file), Err("it was changed after it was looked at".into()));
    fs::write(&a, "sub/b").unwrap();
    assert_eq!(read(file), Ok(b"sub/b".to_vec()), "it is still the same file");
    fs::rename(&a, place.0.join("in/kept")).unwrap();
    fs::write(&a, "sub/a").unwrap();
    assert_eq!(read(file), Err("it was changed after it was looked at".into()));
    fs::remove_file(&a).unwrap();
    symlink(&other, &a).unwrap();
    assert_eq!(read(file), Err("it is a symbolic link, or lies behind one".into()));
    fs::remove_file(&a).unwrap();
    fs::hard_link(&other, &a).unwrap();
    assert_eq!(read(file), Err("it has another name (a hard link)".into()));
}

/// Somebody swaps a folder for a link while the files are looked for and read: 1,000 rounds, and nothing that lies outside is read.
#[test]
fn a_folder_is_swapped_while_files_are_looked_for() {
    let place = Place::new("swap");
    place.write("sub/a");
    fs::create_dir(place.0.join("out")).unwrap();
    fs::write(place.0.join("out/a"), "other").unwrap();
    let inner = place.0.join("in");
    symlink("../out", inner.join("link")).unwrap();
    let is_over = AtomicBool::new(false);
    let (mut files, mut lines) = (0, 0);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                let flags = rustix::fs::RenameFlags::EXCHANGE;
                let cwd = rustix::fs::CWD;
                rustix::fs::renameat_with(cwd, inner.join("sub"), cwd, inner.join("link"), flags).unwrap();
            }
        });
        for round in 0..1_000 {
            let found = Findings::all(place.folder()).unwrap();
            lines += found.lines().len();
            for file in &found.files {
                if let Ok(bytes) = read(file) {
                    assert_eq!(bytes, b"sub/a", "round {round}, `{}`", file.name);
                    files += 1;
                }
            }
        }
        is_over.store(true, Ordering::Relaxed);
    });
    assert!(files > 50 && lines > 50, "both were met: {files} files, {lines} left out");
}
