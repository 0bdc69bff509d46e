//! Checksums over stored columns: CRC-32 over each value's type, length and bytes.

use rusqlite::types::ValueRef;

/// The checksum of some columns, in their order.
pub(crate) fn checksum(columns: &[ValueRef<'_>], scratch: &mut Vec<u8>) -> i64 {
    scratch.clear();
    for column in columns {
        match column {
            ValueRef::Null => scratch.push(0),
            ValueRef::Integer(number) => {
                scratch.push(1);
                scratch.extend_from_slice(&number.to_le_bytes());
            }
            ValueRef::Real(number) => {
                scratch.push(2);
                scratch.extend_from_slice(&number.to_le_bytes());
            }
            ValueRef::Text(bytes) => absorb(3, bytes, scratch),
            ValueRef::Blob(bytes) => absorb(4, bytes, scratch),
        }
    }
    i64::from(crc32fast::hash(scratch))
}

fn absorb(kind: u8, bytes: &[u8], scratch: &mut Vec<u8>) {
    scratch.push(kind);
    scratch.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
    scratch.extend_from_slice(bytes);
}
