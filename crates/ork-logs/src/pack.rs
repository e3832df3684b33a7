//! Parts as they are kept: one zstd frame each, with a checksum of its own.

use ork_core::limits::LOG_PART_BYTES_MAX;
use ork_core::log::{Block, LogPlace};
use zstd::bulk::{Compressor, decompress};
use zstd::zstd_safe::get_frame_content_size;

/// Three quarters of the time that better ones take, for a few per cent more bytes.
const LEVEL: i32 = 3;
/// Bytes of a part before it was packed: with every byte of another stream than the one before it.
const UNPACKED_BYTES_MAX: usize = 4 * LOG_PART_BYTES_MAX;

/// Packs a part.
///
/// # Errors
/// When there is no memory for it.
pub fn pack(block: &Block) -> Result<Vec<u8>, String> {
    let mut compressor = Compressor::new(LEVEL).map_err(|error| error.to_string())?;
    compressor.include_checksum(true).map_err(|error| error.to_string())?;
    compressor.compress(&block.encode()).map_err(|error| error.to_string())
}

/// Unpacks a part that begins at a place.
///
/// # Errors
/// In words, when the bytes are not those that were packed.
pub fn unpack(at: LogPlace, packed: &[u8]) -> Result<Block, String> {
    let size = get_frame_content_size(packed).ok().flatten().and_then(|size| usize::try_from(size).ok());
    let size = size.filter(|size| *size <= UNPACKED_BYTES_MAX).ok_or("it is no packed part of a log")?;
    let kept = decompress(packed, size).map_err(|error| format!("it cannot be unpacked: {error}"))?;
    Block::decode(at, &kept).ok_or_else(|| "what is packed in it is no part of a log".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ork_core::executor::Stream;
    use ork_core::log::Stretch;
    use proptest::prelude::*;

    fn block(pieces: &[(Stream, Vec<u8>)]) -> Block {
        let mut whole = Block::at(LogPlace { offset: 7, line: 3 });
        for (stream, bytes) in pieces {
            whole.append(&Block::of(whole.end(), *stream, bytes.clone()));
        }
        whole
    }

    #[test]
    fn bytes_that_changed_are_not_unpacked() {
        let text = "a line like any other\n".repeat(1_000).into_bytes();
        let whole = block(&[(Stream::Stdout, text)]);
        let packed = pack(&whole).unwrap();
        assert!(packed.len() < 1_000, "{}", packed.len());
        assert_eq!(unpack(whole.at, &packed), Ok(whole.clone()));
        for at in 0..packed.len() {
            let mut changed = packed.clone();
            changed[at] ^= 1;
            assert_ne!(unpack(whole.at, &changed), Ok(whole.clone()), "byte {at}");
            assert!(unpack(whole.at, &packed[..at]).is_err(), "cut at {at}");
        }
        assert!(unpack(whole.at, b"").is_err());
        // A small frame that would be a large part of somebody's memory.
        let bomb = zstd::bulk::compress(&vec![0; 64 << 20], 3).unwrap();
        assert_eq!(unpack(whole.at, &bomb), Err("it is no packed part of a log".into()));
    }

    #[test]
    fn the_worst_part_is_unpacked() {
        let streams = [Stream::Stdout, Stream::Stderr];
        let stretches = (0..LOG_PART_BYTES_MAX).map(|n| Stretch { stream: streams[n % 2], bytes: 1 }).collect();
        let whole = Block { at: LogPlace::default(), bytes: vec![b'x'; LOG_PART_BYTES_MAX], stretches };
        assert!(unpack(whole.at, &pack(&whole).unwrap()) == Ok(whole));
    }

    proptest! {
        #[test]
        fn parts_come_back_as_they_were(
            pieces in prop::collection::vec(
                (prop_oneof![Just(Stream::Stdout), Just(Stream::Stderr), Just(Stream::Ork)], prop::collection::vec(any::<u8>(), 0..300)),
                0..30,
            )
        ) {
            let whole = block(&pieces);
            prop_assert_eq!(unpack(whole.at, &pack(&whole).unwrap()), Ok(whole));
        }
    }
}
