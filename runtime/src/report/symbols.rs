//! Names of thread-locals.

use crate::migration::Library;
use object::{Object, ObjectSymbol, SymbolKind};

/// Returns the name of the thread-local at a place of a library's, or of the program's, if its symbols say so.
pub(super) fn thread_local(library: &Library, offset: usize) -> Option<String> {
    let bytes = std::fs::read(library.path()).ok()?;
    let file = object::File::parse(&*bytes).ok()?;
    let offset = offset as u64;
    let is_there = |symbol: &object::Symbol<'_, '_>| {
        let place = symbol.address()..symbol.address() + symbol.size().max(1);
        symbol.kind() == SymbolKind::Tls && place.contains(&offset)
    };
    let symbol = file.symbols().chain(file.dynamic_symbols()).find(is_there)?;
    Some(format!("{:#}", rustc_demangle::demangle(symbol.name().ok()?)))
}
