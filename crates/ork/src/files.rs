//! Rows as JSON files, for people and programs that read files: `runs/ID.json`, `tasks/ID.json`, a folder a table and a file
//! a row. A file has every column of its row, so that what is written and read again is the same row.

mod cell;
mod manifest;
mod name;
mod projection;
mod sink;
mod source;

pub use manifest::MANIFEST;
pub use projection::{keep_projected, project};
pub use sink::FileSink;
pub use source::FileSource;
