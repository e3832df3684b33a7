//! Folders that are saved and restored, and archives that nobody saved.

use std::collections::BTreeMap;
use std::fs::{self, File, Permissions};
use std::hash::{DefaultHasher, Hasher};
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use ork_core::executor::{AttemptIo, Executor, PartSink, PartSource, StepAssignment, WorkFolder};
use ork_core::limits::WORK_PART_BYTES_MAX;

use crate::world::{Witness, World, script, told};

/// Pieces in memory.
#[derive(Default)]
struct Pieces(Mutex<Vec<Vec<u8>>>);

#[async_trait]
impl PartSink for Pieces {
    async fn put(&self, bytes: Vec<u8>) -> Result<(), String> {
        self.0.lock().unwrap().push(bytes);
        Ok(())
    }
}

#[async_trait]
impl PartSource for Pieces {
    async fn get(&self, part: u32) -> Result<Option<Vec<u8>>, String> {
        Ok(self.0.lock().unwrap().get(part as usize).cloned())
    }
}

/// Pieces as files.
struct Files(PathBuf, Mutex<u32>);

#[async_trait]
impl PartSink for Files {
    async fn put(&self, bytes: Vec<u8>) -> Result<(), String> {
        let mut count = self.1.lock().unwrap();
        fs::write(self.0.join(count.to_string()), bytes).map_err(|error| error.to_string())?;
        *count += 1;
        Ok(())
    }
}

#[async_trait]
impl PartSource for Files {
    async fn get(&self, part: u32) -> Result<Option<Vec<u8>>, String> {
        Ok(fs::read(self.0.join(part.to_string())).ok())
    }
}

/// Somebody who can keep nothing.
struct Full;

#[async_trait]
impl PartSink for Full {
    async fn put(&self, _bytes: Vec<u8>) -> Result<(), String> {
        Err("the disk is full".into())
    }
}

#[async_trait]
impl PartSource for Full {
    async fn get(&self, _part: u32) -> Result<Option<Vec<u8>>, String> {
        Err("the disk is gone".into())
    }
}

/// A folder of steps, and where it is.
async fn open(world: &World) -> (Arc<dyn WorkFolder>, PathBuf) {
    let mut work = script("echo $ORK_WORK");
    let folder = world.executor.open(work.task).await.unwrap();
    work.step = Some(StepAssignment { name: "a".into(), round: 1, feedback: None, is_work_lost: false });
    let io = Witness::new();
    let report = folder.execute(work, Arc::clone(&io) as Arc<dyn AttemptIo>).await;
    assert_eq!(told(&report), "success");
    (folder, io.stdout().trim_end().into())
}

/// All that is in a folder: of each path the mode with the kind, the time, and what it holds or where it leads.
type Inventory = BTreeMap<String, (u32, i64, String)>;

fn inventory(root: &Path) -> Inventory {
    let mut found = BTreeMap::new();
    list(root, root, &mut found);
    found
}

fn list(root: &Path, folder: &Path, found: &mut Inventory) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let meta = fs::symlink_metadata(&path).unwrap();
        // The tests' own user need not be one whom rights do not concern.
        let permit = |more| fs::set_permissions(&path, Permissions::from_mode(meta.mode() | more)).unwrap();
        let contents = if meta.is_dir() {
            permit(0o700);
            list(root, &path, found);
            permit(0);
            "a folder".into()
        } else if meta.is_symlink() {
            escaped(&fs::read_link(&path).unwrap())
        } else if meta.is_file() {
            permit(0o600);
            let contents = fs::read(&path).unwrap();
            permit(0);
            let mut hash = DefaultHasher::new();
            hash.write(&contents);
            format!("{} bytes, {:x}", contents.len(), hash.finish())
        } else {
            "neither".into()
        };
        found.insert(escaped(path.strip_prefix(root).unwrap()), (meta.mode(), meta.mtime(), contents));
    }
}

fn escaped(path: &Path) -> String {
    path.as_os_str().as_bytes().escape_ascii().to_string()
}

fn make_old(path: &Path, secs: i64) {
    assert!(Command::new("touch").arg("-hd").arg(format!("@{secs}")).arg(path).status().unwrap().success());
}

/// Something of every kind, with every kind of name.
fn furnish(root: &Path) {
    let long = root.join("l".repeat(120)).join("m".repeat(200));
    fs::create_dir_all(&long).unwrap();
    fs::create_dir_all(root.join("empty")).unwrap();
    fs::create_dir_all(root.join("shut/in")).unwrap();
    let odd = root.join(std::ffi::OsStr::from_bytes(b"odd \xff\n\\ '\x01"));
    for (path, len, mode) in [
        (root.join("program"), 513, 0o755),
        (root.join("nothing"), 0, 0o600),
        (root.join("secret"), 1, 0o000),
        (root.join("shut/in/file"), 512, 0o444),
        (long.join("file"), 3 << 20, 0o640),
        (odd, 7, 0o4711),
    ] {
        let mut bytes = Vec::new();
        File::open("/dev/urandom").unwrap().take(len).read_to_end(&mut bytes).unwrap();
        fs::write(&path, bytes).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        make_old(&path, 1_000_000_000);
    }
    symlink("/etc/passwd", root.join("out")).unwrap();
    symlink("../".repeat(60) + "etc", root.join("far")).unwrap();
    symlink("program", root.join("near")).unwrap();
    make_old(&root.join("near"), 1_200_000_000);
    assert!(Command::new("mkfifo").arg(root.join("pipe")).status().unwrap().success());
    for (folder, mode) in [("shut/in", 0o500), ("shut", 0o111), ("empty", 0o2775)] {
        fs::set_permissions(root.join(folder), Permissions::from_mode(mode)).unwrap();
    }
    make_old(&root.join("empty"), -5);
    make_old(&root.join("shut"), 1_100_000_000);
}

/// What comes back of what [`furnish`] made: no pipe, and nothing that runs as its owner.
fn expected(root: &Path) -> Inventory {
    let mut found = inventory(root);
    assert_eq!(found.remove("pipe").map(|(_, _, contents)| contents).as_deref(), Some("neither"));
    found.values_mut().for_each(|(mode, ..)| *mode &= !0o6000);
    found
}

#[tokio::test]
async fn a_folder_comes_back_as_it_was() {
    let world = World::new();
    let ((folder, place), pieces) = (open(&world).await, Pieces::default());
    furnish(&place);
    let before = inventory(&place);
    let (bytes, checksum) = folder.save(&pieces).await.unwrap();
    assert_eq!(inventory(&place), before, "saving changes nothing");
    let again = Pieces::default();
    assert_eq!(folder.save(&again).await.unwrap(), (bytes, checksum.clone()));

    let lens: Vec<usize> = pieces.0.lock().unwrap().iter().map(Vec::len).collect();
    assert_eq!(lens.iter().sum::<usize>() as u64, bytes);
    let (last, whole) = lens.split_last().unwrap();
    assert!(whole.len() >= 3 && whole.iter().all(|&len| len == WORK_PART_BYTES_MAX) && *last <= WORK_PART_BYTES_MAX);

    let (second, other) = open(&world).await;
    second.restore(&pieces, &checksum).await.unwrap();
    assert_eq!(inventory(&other), expected(&place));
    // What is in a folder already is not touched.
    let error = second.restore(&pieces, &checksum).await.unwrap_err();
    assert!(error.contains("not empty"), "{error}");
    assert_eq!(inventory(&other), expected(&place));
    folder.close().await;
    second.close().await;
    world.check_folders();
}

#[tokio::test]
async fn an_archive_is_one_that_tar_reads() {
    let world = World::new();
    let ((folder, place), pieces) = (open(&world).await, Pieces::default());
    furnish(&place);
    folder.save(&pieces).await.unwrap();
    let bytes = zstd::decode_all(pieces.0.lock().unwrap().concat().as_slice()).unwrap();
    let there = world.path("there");
    fs::create_dir(&there).unwrap();
    let mut tar = Command::new("tar");
    let mut tar = tar.args(["-xp", "--no-same-owner", "-C"]).arg(&there).stdin(Stdio::piped()).spawn().unwrap();
    tar.stdin.take().unwrap().write_all(&bytes).unwrap();
    assert!(tar.wait().unwrap().success());
    let mut found = inventory(&there);
    found.values_mut().for_each(|(mode, ..)| *mode &= !0o6000);
    assert_eq!(found, expected(&place));
    assert!(Command::new("chmod").args(["-R", "u+rwx"]).arg(&there).status().unwrap().success());
}

#[tokio::test]
async fn an_empty_folder_is_saved_too() {
    let world = World::new();
    let ((folder, _), pieces) = (open(&world).await, Pieces::default());
    let (_, checksum) = folder.save(&pieces).await.unwrap();
    let (second, other) = open(&world).await;
    second.restore(&pieces, &checksum).await.unwrap();
    assert_eq!(inventory(&other), BTreeMap::new());
}

#[tokio::test]
async fn pieces_that_are_not_what_they_were() {
    let world = World::new();
    let ((folder, place), pieces) = (open(&world).await, Pieces::default());
    furnish(&place);
    let (_, checksum) = folder.save(&pieces).await.unwrap();
    let good = pieces.0.into_inner().unwrap();
    let (second, other) = open(&world).await;
    let check = async |what: &str, change: &dyn Fn(&mut Vec<Vec<u8>>), checksum: &str| {
        let mut changed = good.clone();
        change(&mut changed);
        let error = second.restore(&Pieces(Mutex::new(changed)), checksum).await.unwrap_err();
        assert!(error.starts_with("failed to restore `$ORK_WORK`: "), "{error}");
        assert_eq!((what, inventory(&other).len()), (what, 0));
    };
    check("another checksum", &|_| {}, &checksum.replace(&checksum[..1], "x")).await;
    check("a bit", &|pieces| pieces[1][4711] ^= 1, &checksum).await;
    check("the first is missing", &|pieces| drop(pieces.remove(0)), &checksum).await;
    check("one is missing", &|pieces| drop(pieces.remove(1)), &checksum).await;
    check("the last is missing", &|pieces| drop(pieces.pop()), &checksum).await;
    check("all are missing", &|pieces| pieces.clear(), &checksum).await;
    check("two are exchanged", &|pieces| pieces.swap(0, 1), &checksum).await;
    check("one is longer", &|pieces| pieces[2].push(0), &checksum).await;
    check("one more", &|pieces| pieces.push(vec![0]), &checksum).await;
    check("all twice", &|pieces| pieces.extend(good.clone()), &checksum).await;

    assert_eq!(folder.save(&Full).await.unwrap_err(), "the disk is full");
    let error = second.restore(&Full, &checksum).await.unwrap_err();
    assert_eq!(error, "failed to restore `$ORK_WORK`: the disk is gone");
    second.restore(&Pieces(Mutex::new(good.clone())), &checksum).await.unwrap();
    assert_eq!(inventory(&other), expected(&place));
}

#[tokio::test]
async fn a_folder_may_be_deep() {
    let world = World::new();
    let ((folder, place), pieces) = (open(&world).await, Pieces::default());
    let deep = place.join("d/".repeat(500));
    fs::create_dir_all(&deep).unwrap();
    fs::write(deep.join("file"), "down here").unwrap();
    let (_, checksum) = folder.save(&pieces).await.unwrap();
    let (second, other) = open(&world).await;
    second.restore(&pieces, &checksum).await.unwrap();
    let file = other.join("d/".repeat(500)).join("file");
    assert_eq!(fs::read(file).unwrap(), b"down here");
    folder.close().await;
    second.close().await;
    world.check_folders();
}

/// The header of a tar archive.
fn header(kind: u8, name: &str, size: u64, target: &str) -> Vec<u8> {
    let mut block = vec![0; 512];
    let mut put = |at: usize, text: &str| block[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, name);
    put(100, "0007777\0");
    put(124, &format!("{size:011o}\0"));
    put(136, "00000000000\0");
    put(157, target);
    put(257, "ustar  \0");
    block[156] = kind;
    sum_up(block)
}

fn sum_up(mut block: Vec<u8>) -> Vec<u8> {
    block[148..156].fill(b' ');
    let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}

/// What becomes of an archive of these entries, to which its checksum is right.
async fn restored(entries: &[Vec<u8>]) -> (Result<(), String>, Inventory) {
    let world = World::new();
    let (folder, place) = open(&world).await;
    fs::write(world.path("kept"), "as it was").unwrap();
    let mut bytes = entries.concat();
    bytes.extend([0; 1024]);
    let archive = zstd::encode_all(bytes.as_slice(), 1).unwrap();
    let result = folder.restore(&Pieces(Mutex::new(vec![archive.clone()])), &sha256(&world, &archive)).await;
    let found = inventory(&place);
    // Beside the folder nothing is left, and nothing came into the world.
    assert_eq!(fs::read_dir(place.parent().unwrap()).unwrap().count(), 1);
    assert_eq!(fs::read(world.path("kept")).unwrap(), b"as it was");
    assert_eq!(fs::read_dir(&world.root).unwrap().count(), 3);
    (result, found)
}

fn sha256(world: &World, bytes: &[u8]) -> String {
    fs::write(world.path("archive"), bytes).unwrap();
    let told = Command::new("sha256sum").arg(world.path("archive")).output().unwrap().stdout;
    String::from_utf8(told).unwrap()[..64].to_owned()
}

#[tokio::test]
async fn rights_that_would_make_a_file_run_as_its_owner_are_dropped() {
    let (result, found) = restored(&[header(b'0', "file", 0, ""), header(b'5', "folder/", 0, "")]).await;
    assert_eq!(result, Ok(()));
    let modes: Vec<u32> = found.values().map(|(mode, ..)| mode & 0o7777).collect();
    assert_eq!(modes, [0o1777, 0o1777]);
}

#[tokio::test]
async fn archives_that_nobody_saved() {
    let link = |target: &str| header(b'2', "link", 0, target);
    let file = |name: &str| header(b'0', name, 0, "");
    let long = |size| [header(b'L', "././@LongLink", size, ""), vec![b'x'; 5120]].concat();
    for (entries, part) in [
        (vec![file("/tmp/ork-hostile")], "leads out of the folder"),
        (vec![file("../kept")], "leads out of the folder"),
        (vec![file("a/../../kept")], "leads out of the folder"),
        (vec![file("")], "leads out of the folder"),
        (vec![file("a//b")], "leads out of the folder"),
        (vec![header(b'5', "./", 0, "")], "leads out of the folder"),
        (vec![header(b'2', "../link", 0, "/")], "leads out of the folder"),
        (vec![link("/tmp"), file("link/ork-hostile")], "`link` on its way is no folder"),
        (vec![link(".."), file("link/work/x")], "`link` on its way is no folder"),
        (vec![link("/tmp"), header(b'5', "link/", 0, "")], "`link` on its way is no folder"),
        (vec![link("/tmp/ork-hostile"), file("link")], "File exists"),
        (vec![file("a"), link("x"), header(b'2', "a", 0, "/tmp")], "File exists"),
        (vec![file("a"), file("a/b")], "`a` on its way is no folder"),
        (vec![header(b'1', "hard", 0, "/etc/passwd")], "`hard` is a hard link"),
        (vec![header(b'3', "tty", 0, "")], "`tty` is a device"),
        (vec![header(b'4', "disk", 0, "")], "`disk` is a device"),
        (vec![header(b'6', "pipe", 0, "")], "`pipe` is a pipe"),
        (vec![header(b'x', "pax", 0, "")], "`pax` is of an unknown kind"),
        (vec![header(b'S', "sparse", 0, "")], "of an unknown kind"),
        (vec![header(b'2', "link", 1, "x")], "has bytes and is no file"),
        (vec![header(b'0', "zeros", 1 << 30, ""), vec![0; 512]], "it ends too early"),
        (vec![long(4098)], "a name of more than 4096 bytes"),
        (vec![long(4000)], "a long name without its end"),
        (vec![file("ok"), vec![0; 512], file("hidden")], "a block that is no entry"),
        (vec![file("ok"), vec![0; 1024], file("hidden")], "something follows its end"),
    ] {
        let (result, found) = restored(&entries).await;
        let error = result.expect_err(part);
        assert!(error.starts_with("failed to restore `$ORK_WORK`: ") && error.contains(part), "{part}: {error}");
        assert_eq!((part, found.len()), (part, 0));
    }
    assert!(!Path::new("/tmp/ork-hostile").exists());
}

#[tokio::test]
async fn an_archive_of_too_many_bytes_is_refused_before_they_are_written() {
    // Octal digits end at 8 GiB: one byte more than 16 is a binary number.
    let mut header = header(b'0', "large", 0, "");
    header[124..136].copy_from_slice(&[0x80, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 1]);
    let (result, _) = restored(&[sum_up(header)]).await;
    assert_eq!(result.unwrap_err(), "failed to restore `$ORK_WORK`: more than 17179869184 bytes of files");
}

/// What makes [`in_little_memory`] do its work.
const MARK: &str = "ORK_TEST_LITTLE_MEMORY";
const LARGE: u64 = 50 << 20;

/// In a process of its own, whose memory nobody else uses.
#[tokio::test]
async fn in_little_memory() {
    if std::env::var_os(MARK).is_none() {
        return;
    }
    let world = World::new();
    let (folder, place) = open(&world).await;
    fs::create_dir(world.path("pieces")).unwrap();
    let pieces = Files(world.path("pieces"), Mutex::default());
    let mut random = File::open("/dev/urandom").unwrap().take(LARGE);
    std::io::copy(&mut random, &mut File::create(place.join("large")).unwrap()).unwrap();
    let (bytes, checksum) = folder.save(&pieces).await.unwrap();
    assert!(bytes > LARGE, "{bytes}");
    let (second, other) = open(&world).await;
    second.restore(&pieces, &checksum).await.unwrap();
    let same = Command::new("cmp").arg(place.join("large")).arg(other.join("large")).status().unwrap();
    assert!(same.success());
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(peak < 40 << 10, "{peak} kB");
    println!("done");
}

#[test]
fn a_large_folder_takes_little_memory() {
    let mut child = Command::new(std::env::current_exe().unwrap());
    let output = child.args(["archives::in_little_memory", "--exact", "--nocapture"]).env(MARK, "1").output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && told.contains("done"), "{told}{}", String::from_utf8_lossy(&output.stderr));
}
