//! One entry of an archive, in blocks of 512 bytes: the header of GNU tar, and before it what does not fit into that.
//!
//! Chosen over pax: names are bytes here, and pax holds only UTF-8. The format:
//! <https://www.gnu.org/software/tar/manual/html_node/Standard.html>.

use std::io::{self, Read, Write};
use std::ops::Range;

use super::refused;

const BLOCK: usize = 512;
const ZEROS: [u8; BLOCK] = [0; BLOCK];

const NAME: Range<usize> = 0..100;
const MODE: Range<usize> = 100..108;
const UID: Range<usize> = 108..116;
const GID: Range<usize> = 116..124;
const SIZE: Range<usize> = 124..136;
const MTIME: Range<usize> = 136..148;
const CHECKSUM: Range<usize> = 148..156;
const TYPE: usize = 156;
const TARGET: Range<usize> = 157..257;
const MAGIC: Range<usize> = 257..265;

/// `ustar` and a version that only GNU tar has.
const GNU: &[u8] = b"ustar  \0";
const LONG_NAME: u8 = b'L';
const LONG_TARGET: u8 = b'K';
/// Bytes of a path, as the kernel takes them.
const PATH_BYTES_MAX: usize = 4096;
/// The first bit of a number that is not octal, but binary.
const BINARY: u8 = 0x80;

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    File,
    Folder,
    Link,
}

/// What stands before the bytes of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The path below the folder, without a slash at its end.
    pub name: Vec<u8>,
    pub kind: Kind,
    pub mode: u32,
    /// Bytes of the file; 0 of everything else.
    pub size: u64,
    /// When it was changed, in seconds since 1970.
    pub mtime: i64,
    /// Where a link leads.
    pub target: Vec<u8>,
}

impl Entry {
    /// Writes it. The bytes of a file, and [`pad`], come after it.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let mut name = self.name.clone();
        let kind = match self.kind {
            Kind::File => b'0',
            Kind::Link => b'2',
            Kind::Folder => {
                name.push(b'/');
                b'5'
            }
        };
        write_long(out, LONG_TARGET, &self.target, &TARGET)?;
        write_long(out, LONG_NAME, &name, &NAME)?;
        let mut block = block(kind, &name, self.size);
        put_text(&mut block[TARGET], &self.target);
        put_number(&mut block[MODE], self.mode.into());
        put_number(&mut block[MTIME], self.mtime);
        write_block(out, block)
    }

    /// Reads the next one; `None` behind the last.
    ///
    /// # Errors
    /// When it is none, or of a kind that no folder is saved with.
    pub fn read(input: &mut impl Read) -> io::Result<Option<Self>> {
        let (mut name, mut target) = (None, None);
        loop {
            let block = read_block(input)?;
            if block == ZEROS && name.is_none() && target.is_none() {
                return if read_block(input)? == ZEROS { Ok(None) } else { Err(refused("a block that is no entry")) };
            }
            check(&block)?;
            match block[TYPE] {
                LONG_NAME if name.is_none() => name = Some(read_long(input, &block)?),
                LONG_TARGET if target.is_none() => target = Some(read_long(input, &block)?),
                kind => {
                    let mut name = name.unwrap_or_else(|| text(&block[NAME]));
                    let kind = kind_of(kind, &name)?;
                    if kind == Kind::Folder && name.last() == Some(&b'/') {
                        name.pop();
                    }
                    let target = target.unwrap_or_else(|| text(&block[TARGET]));
                    let size = number(&block[SIZE])?.try_into().map_err(|_| refused("a size below 0"))?;
                    if kind != Kind::File && size > 0 {
                        return Err(refused(format!("`{}` has bytes and is no file", name.escape_ascii())));
                    }
                    let mode = number(&block[MODE])?.try_into().map_err(|_| refused("a mode that is none"))?;
                    return Ok(Some(Self { name, kind, mode, size, mtime: number(&block[MTIME])?, target }));
                }
            }
        }
    }
}

/// Writes what follows the bytes of a file of this size.
pub fn pad(out: &mut impl Write, size: u64) -> io::Result<()> {
    out.write_all(&ZEROS[..padding(size)])
}

/// Reads what follows the bytes of a file of this size.
pub fn skip_padding(input: &mut impl Read, size: u64) -> io::Result<()> {
    read_all(input, &mut [0; BLOCK][..padding(size)])
}

/// Writes the end of an archive.
pub fn write_end(out: &mut impl Write) -> io::Result<()> {
    out.write_all(&ZEROS)?;
    out.write_all(&ZEROS)
}

fn padding(size: u64) -> usize {
    usize::try_from(size.wrapping_neg() % BLOCK as u64).unwrap_or(0)
}

fn kind_of(kind: u8, name: &[u8]) -> io::Result<Kind> {
    let what = match kind {
        b'0' | 0 => return Ok(Kind::File),
        b'5' => return Ok(Kind::Folder),
        b'2' => return Ok(Kind::Link),
        b'1' => "a hard link",
        b'3' | b'4' => "a device",
        b'6' => "a pipe",
        _ => "of an unknown kind",
    };
    Err(refused(format!("`{}` is {what}", name.escape_ascii())))
}

/// A name or a target that is too long for its field is an entry of its own, and the field holds its beginning.
fn write_long(out: &mut impl Write, kind: u8, text: &[u8], field: &Range<usize>) -> io::Result<()> {
    if text.len() <= field.len() {
        return Ok(());
    }
    let size = text.len() as u64 + 1;
    write_block(out, block(kind, b"././@LongLink", size))?;
    out.write_all(text)?;
    out.write_all(b"\0")?;
    pad(out, size)
}

fn read_long(input: &mut impl Read, block: &[u8; BLOCK]) -> io::Result<Vec<u8>> {
    let size = usize::try_from(number(&block[SIZE])?).ok().filter(|size| (1..=PATH_BYTES_MAX + 1).contains(size));
    let size = size.ok_or_else(|| refused(format!("a name of more than {PATH_BYTES_MAX} bytes")))?;
    let mut text = vec![0; size];
    read_all(input, &mut text)?;
    skip_padding(input, size as u64)?;
    match text.pop() {
        Some(0) if !text.contains(&0) => Ok(text),
        _ => Err(refused("a long name without its end")),
    }
}

fn block(kind: u8, name: &[u8], size: u64) -> [u8; BLOCK] {
    let mut block = ZEROS;
    put_text(&mut block[NAME], name);
    for field in [MODE, UID, GID, MTIME] {
        put_number(&mut block[field], 0);
    }
    put_number(&mut block[SIZE], size.cast_signed());
    block[TYPE] = kind;
    block[MAGIC].copy_from_slice(GNU);
    block
}

fn write_block(out: &mut impl Write, mut block: [u8; BLOCK]) -> io::Result<()> {
    let sum = checksum(&block);
    block[CHECKSUM].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    out.write_all(&block)
}

fn read_block(input: &mut impl Read) -> io::Result<[u8; BLOCK]> {
    let mut block = ZEROS;
    read_all(input, &mut block)?;
    Ok(block)
}

fn read_all(input: &mut impl Read, bytes: &mut [u8]) -> io::Result<()> {
    input.read_exact(bytes).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => refused("it ends too early"),
        _ => error,
    })
}

/// The sum of a header's bytes, that of the sum itself taken for spaces.
fn checksum(block: &[u8; BLOCK]) -> u32 {
    let rest = block[..CHECKSUM.start].iter().chain(&block[CHECKSUM.end..]);
    rest.map(|&byte| u32::from(byte)).sum::<u32>() + u32::from(b' ') * 8
}

fn check(block: &[u8; BLOCK]) -> io::Result<()> {
    if block[MAGIC] == *GNU && number(&block[CHECKSUM])? == i64::from(checksum(block)) {
        Ok(())
    } else {
        Err(refused("a block that is no entry"))
    }
}

fn put_text(field: &mut [u8], text: &[u8]) {
    let len = field.len().min(text.len());
    field[..len].copy_from_slice(&text[..len]);
}

fn text(field: &[u8]) -> Vec<u8> {
    field.iter().copied().take_while(|&byte| byte != 0).collect()
}

/// Octal digits and a NUL, or, where they do not suffice, a binary number with a mark before it.
fn put_number(field: &mut [u8], number: i64) {
    let digits = field.len() - 1;
    let octal = format!("{number:0digits$o}");
    if number >= 0 && octal.len() == digits {
        field[..digits].copy_from_slice(octal.as_bytes());
        return;
    }
    let bytes = i128::from(number).to_be_bytes();
    field.copy_from_slice(&bytes[bytes.len() - field.len()..]);
    field[0] |= BINARY;
}

fn number(field: &[u8]) -> io::Result<i64> {
    let bad = || refused("a number that is none");
    if field[0] & BINARY == 0 {
        let text = std::str::from_utf8(field).map_err(|_| bad())?.trim_matches(['\0', ' ']);
        return if text.is_empty() { Ok(0) } else { i64::from_str_radix(text, 8).map_err(|_| bad()) };
    }
    // The mark is the sign of a number below 0, too: the bit after it tells.
    let is_negative = field[0] & (BINARY >> 1) != 0;
    let mut bytes = [if is_negative { 0xff } else { 0 }; 16];
    let start = bytes.len() - field.len();
    bytes[start..].copy_from_slice(field);
    bytes[start] = if is_negative { field[0] } else { field[0] & !BINARY };
    i128::from_be_bytes(bytes).try_into().map_err(|_| bad())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &[u8], kind: Kind) -> Entry {
        Entry { name: name.into(), kind, mode: 0o640, size: 0, mtime: 1_700_000_000, target: Vec::new() }
    }

    #[test]
    fn what_is_written_is_read() {
        let long = [b'x'; 300];
        let mut entries = vec![
            entry(b"a", Kind::File),
            entry(&long[..100], Kind::File),
            entry(&long[..100], Kind::Folder),
            entry(&[0xff, b'\n', 1], Kind::Folder),
            Entry { target: long.to_vec(), ..entry(&long, Kind::Link) },
            Entry { mtime: -5, ..entry(b"old", Kind::File) },
            Entry { mtime: i64::MIN, ..entry(b"older", Kind::File) },
            Entry { mtime: i64::MAX, ..entry(b"new", Kind::File) },
        ];
        let mut bytes = Vec::new();
        for entry in &entries {
            entry.write(&mut bytes).unwrap();
        }
        Entry { size: 1 << 40, ..entry(b"large", Kind::File) }.write(&mut bytes).unwrap();
        write_end(&mut bytes).unwrap();
        entries.push(Entry { size: 1 << 40, ..entry(b"large", Kind::File) });

        let mut input = bytes.as_slice();
        let read: Vec<Entry> = std::iter::from_fn(|| Entry::read(&mut input).unwrap()).collect();
        assert_eq!((read, input.len()), (entries, 0));
    }

    #[test]
    fn what_is_no_entry_is_refused() {
        let mut good = Vec::new();
        Entry { target: vec![b't'; 101], ..entry(b"a", Kind::Link) }.write(&mut good).unwrap();
        let check = |change: &dyn Fn(&mut Vec<u8>), expected: &str| {
            let mut bytes = good.clone();
            change(&mut bytes);
            let found = Entry::read(&mut bytes.as_slice()).map_or_else(|e| e.to_string(), |e| format!("{e:?}"));
            assert!(found.contains(expected), "{found}");
        };
        check(&|_| {}, "kind: Link");
        check(&|b| b.truncate(700), "it ends too early");
        check(&|b| b[0] ^= 1, "a block that is no entry");
        check(&|b| b[BLOCK + 101] = 1, "a long name without its end");
        check(&|b| b.splice(..0, b.clone()[..2 * BLOCK].to_vec()).for_each(drop), "of an unknown kind");
        check(&|b| b.splice(..0, [0; BLOCK]).for_each(drop), "a block that is no entry");
    }
}
