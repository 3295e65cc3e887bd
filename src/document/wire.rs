//! The wire form of protobuf messages, for the few that the filter speaks: to read one field by field, and to write one.

/// One field of a message: its number, and what stands there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Field<'b> {
    /// A varint.
    Varint(u64, u64),
    /// 4 or 8 bytes.
    Fixed(u64, &'b [u8]),
    /// Bytes, text or a message.
    Bytes(u64, &'b [u8]),
}

/// The fields of a message, one by one; `None` inside ends them where the bytes are no message.
pub struct Fields<'b>(&'b [u8]);

impl<'b> Fields<'b> {
    /// The fields of this message.
    pub fn of(message: &'b [u8]) -> Self {
        Self(message)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut number: u64 = 0;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            number |= u64::from(byte & 0x7f).checked_shl(shift)?;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    fn take(&mut self, length: u64) -> Option<&'b [u8]> {
        let (bytes, rest) = self.0.split_at_checked(usize::try_from(length).ok()?)?;
        self.0 = rest;
        Some(bytes)
    }

    fn field(&mut self) -> Option<Field<'b>> {
        let tag = self.varint()?;
        let number = tag >> 3;
        match tag & 7 {
            0 => Some(Field::Varint(number, self.varint()?)),
            1 => Some(Field::Fixed(number, self.take(8)?)),
            2 => {
                let length = self.varint()?;
                Some(Field::Bytes(number, self.take(length)?))
            }
            5 => Some(Field::Fixed(number, self.take(4)?)),
            _ => None,
        }
    }
}

impl<'b> Iterator for Fields<'b> {
    type Item = Option<Field<'b>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_none() {
            self.0 = &[];
        }
        Some(field)
    }
}

/// Writes a varint. Protobuf leaves out what is 0.
pub fn put_number(out: &mut Vec<u8>, field: u8, number: u64) {
    if number > 0 {
        out.push(field.wrapping_shl(3));
        put_varint(out, number);
    }
}

/// Writes bytes, a text or a message. `field` is at most 15.
pub fn put_bytes(out: &mut Vec<u8>, field: u8, bytes: &[u8]) {
    out.push(field.wrapping_shl(3) | 2);
    put_varint(out, u64::try_from(bytes.len()).unwrap_or(u64::MAX));
    out.extend_from_slice(bytes);
}

fn put_varint(out: &mut Vec<u8>, mut number: u64) {
    loop {
        let low = u8::try_from(number & 0x7f).unwrap_or_default();
        number >>= 7;
        out.push(if number == 0 { low } else { low | 0x80 });
        if number == 0 {
            return;
        }
    }
}
