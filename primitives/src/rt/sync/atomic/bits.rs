//! What the engines need of a native atomic beyond [`Word`]: its value as bits.

use super::word::{Rmw, Word};
use core::sync::atomic;

impl<V: Copy> Rmw<V> {
    /// Returns this operation with its operand converted.
    pub fn map<W>(self, f: impl FnOnce(V) -> W) -> Rmw<W> {
        match self {
            Rmw::Swap(v) => Rmw::Swap(f(v)),
            Rmw::Add(v) => Rmw::Add(f(v)),
            Rmw::Sub(v) => Rmw::Sub(f(v)),
            Rmw::And(v) => Rmw::And(f(v)),
            Rmw::Nand(v) => Rmw::Nand(f(v)),
            Rmw::Or(v) => Rmw::Or(f(v)),
            Rmw::Xor(v) => Rmw::Xor(f(v)),
            Rmw::Max(v) => Rmw::Max(f(v)),
            Rmw::Min(v) => Rmw::Min(f(v)),
        }
    }

    /// Returns the operation's name in a trace.
    pub fn name(&self) -> &'static str {
        match self {
            Rmw::Swap(_) => "swap",
            Rmw::Add(_) => "fetch_add",
            Rmw::Sub(_) => "fetch_sub",
            Rmw::And(_) => "fetch_and",
            Rmw::Nand(_) => "fetch_nand",
            Rmw::Or(_) => "fetch_or",
            Rmw::Xor(_) => "fetch_xor",
            Rmw::Max(_) => "fetch_max",
            Rmw::Min(_) => "fetch_min",
        }
    }
}

/// The width and signedness of an atomic's value, whose bits travel as the low bits of a `u64`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Width {
    /// `bool`, as 0 or 1.
    Bool,
    /// Unsigned, 8 bits.
    U8,
    /// Unsigned, 16 bits.
    U16,
    /// Unsigned, 32 bits.
    U32,
    /// Unsigned, 64 bits; pointers too.
    U64,
    /// Signed, 8 bits.
    I8,
    /// Signed, 16 bits.
    I16,
    /// Signed, 32 bits.
    I32,
    /// Signed, 64 bits.
    I64,
}

impl Width {
    const fn unsigned(bytes: usize) -> Width {
        match bytes {
            1 => Width::U8,
            2 => Width::U16,
            4 => Width::U32,
            _ => Width::U64,
        }
    }

    const fn signed(bytes: usize) -> Width {
        match bytes {
            1 => Width::I8,
            2 => Width::I16,
            4 => Width::I32,
            _ => Width::I64,
        }
    }
}

/// A native atomic whose values can travel as bits.
pub(crate) trait Bits: Word {
    const WIDTH: Width;
    /// The type's name in reports.
    const NAME: &'static str;
    fn make(value: Self::Value) -> Self;
    fn to_bits(value: Self::Value) -> u64;
    fn from_bits(bits: u64) -> Self::Value;
}

macro_rules! integer_bits {
    ($atomic:ident, $value:ty, $unsigned:ty, $width:expr) => {
        impl Bits for atomic::$atomic {
            const WIDTH: Width = $width;
            const NAME: &'static str = stringify!($atomic);
            fn make(value: $value) -> Self {
                Self::new(value)
            }
            fn to_bits(value: $value) -> u64 {
                value as $unsigned as u64
            }
            fn from_bits(bits: u64) -> $value {
                bits as $value
            }
        }
    };
}

integer_bits!(AtomicU8, u8, u8, Width::U8);
integer_bits!(AtomicU16, u16, u16, Width::U16);
integer_bits!(AtomicU32, u32, u32, Width::U32);
integer_bits!(AtomicU64, u64, u64, Width::U64);
integer_bits!(AtomicUsize, usize, usize, Width::unsigned(size_of::<usize>()));
integer_bits!(AtomicI8, i8, u8, Width::I8);
integer_bits!(AtomicI16, i16, u16, Width::I16);
integer_bits!(AtomicI32, i32, u32, Width::I32);
integer_bits!(AtomicI64, i64, u64, Width::I64);
integer_bits!(AtomicIsize, isize, usize, Width::signed(size_of::<isize>()));

impl Bits for atomic::AtomicBool {
    const WIDTH: Width = Width::Bool;
    const NAME: &'static str = "AtomicBool";
    fn make(value: bool) -> Self {
        Self::new(value)
    }
    fn to_bits(value: bool) -> u64 {
        value as u64
    }
    fn from_bits(bits: u64) -> bool {
        bits & 1 == 1
    }
}

impl<T> Bits for atomic::AtomicPtr<T> {
    const WIDTH: Width = Width::unsigned(size_of::<usize>());
    const NAME: &'static str = "AtomicPtr";
    fn make(value: *mut T) -> Self {
        Self::new(value)
    }
    // Engines carry values as integers, so a pointer exposes its provenance here and takes it back in `from_bits`.
    fn to_bits(value: *mut T) -> u64 {
        value.expose_provenance() as u64
    }
    fn from_bits(bits: u64) -> *mut T {
        core::ptr::with_exposed_provenance_mut(bits as usize)
    }
}
