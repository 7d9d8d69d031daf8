//! Finds in the source the operations that an audit should have met.

use proc_macro2::Span;
use std::path::{Path, PathBuf};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

/// An operation with an ordering of its own, a fence, or a wake-up, as it stands in the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// The file, as sites name it.
    pub file: String,
    /// The first and the last line of the call, from the method's name on.
    pub lines: (u32, u32),
    /// The method or function.
    pub operation: String,
    /// The orderings.
    pub ordering: String,
}

/// A Rust file.
#[derive(Clone, Debug)]
pub struct Source {
    /// Its path, as sites name it.
    pub file: String,
    /// Its text.
    pub text: String,
}

impl Source {
    /// Finds the operations in the text.
    ///
    /// # Errors
    /// If the text is not Rust.
    pub fn scan(&self) -> Result<Vec<Site>, String> {
        scan(&self.file, &self.text)
    }
}

/// Reads the Rust files in a folder and below it; sites name them by their paths from `root`.
///
/// # Errors
/// If a folder or a file cannot be read.
pub fn sources(root: &Path, folder: &Path) -> Result<Vec<Source>, String> {
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path);
        let text = text.map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
        let file = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
        Ok(Source { file, text })
    };
    paths(folder)?.into_iter().map(read).collect()
}

fn paths(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let failed = |error: std::io::Error| format!("{} cannot be read: {error}", folder.display());
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.is_dir() {
            found.extend(paths(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Finds the operations in a source text, except those in tests, in the arguments of macros, and in functions with
/// `#[track_caller]`, whose operations stand where these functions are called.
///
/// # Errors
/// If the text is not Rust.
fn scan(file: &str, source: &str) -> Result<Vec<Site>, String> {
    let syntax = syn::parse_file(source).map_err(|error| format!("{file}: {error}"))?;
    let mut scanner = Scanner { file, found: Vec::new() };
    scanner.visit_file(&syntax);
    Ok(scanner.found)
}

struct Scanner<'a> {
    file: &'a str,
    found: Vec<Site>,
}

const ORDERINGS: [&str; 5] = ["Relaxed", "Acquire", "Release", "AcqRel", "SeqCst"];

/// Returns the ordering that an argument names.
fn ordering(argument: &syn::Expr) -> Option<String> {
    let syn::Expr::Path(path) = argument else { return None };
    let name = path.path.segments.last()?.ident.to_string();
    ORDERINGS.contains(&name.as_str()).then_some(name)
}

fn is_left_out(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        syn::Meta::Path(path) => path.is_ident("test") || path.is_ident("track_caller"),
        syn::Meta::List(list) => list.path.is_ident("cfg") && list.tokens.to_string() == "test",
        syn::Meta::NameValue(_) => false,
    })
}

impl Scanner<'_> {
    fn add<'e>(
        &mut self,
        operation: String,
        name: Span,
        all: Span,
        arguments: impl Iterator<Item = &'e syn::Expr>,
    ) {
        let orderings: Vec<String> = arguments.filter_map(ordering).collect();
        // A relaxed operation cannot be weakened.
        let can_be_weakened = orderings.iter().any(|ordering| ordering != "Relaxed");
        if can_be_weakened || operation == "unpark" {
            self.found.push(Site {
                file: self.file.to_string(),
                lines: (name.start().line as u32, all.end().line as u32),
                operation,
                ordering: orderings.join(", "),
            });
        }
    }
}

impl<'ast> Visit<'ast> for Scanner<'_> {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if !is_left_out(&item.attrs) {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        if !is_left_out(&item.attrs) {
            visit::visit_item_fn(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        if !is_left_out(&item.attrs) {
            visit::visit_impl_item_fn(self, item);
        }
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        self.add(call.method.to_string(), call.method.span(), call.span(), call.args.iter());
        visit::visit_expr_method_call(self, call);
    }

    fn visit_expr_call(&mut self, call: &'ast syn::ExprCall) {
        if let syn::Expr::Path(path) = &*call.func
            && let Some(segment) = path.path.segments.last()
        {
            self.add(segment.ident.to_string(), call.span(), call.span(), call.args.iter());
        }
        visit::visit_expr_call(self, call);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orderings_fences_and_wake_ups_are_found_outside_of_tests() {
        let source = "
fn a(x: &AtomicBool, w: Unparker) {
    x.store(true, Release);
    if x
        .compare_exchange(
            false,
            true, Ordering::AcqRel, Relaxed,
        ).is_ok() { w.unpark(); }
    x.load(Relaxed);
    fence(SeqCst);
}
#[cfg(test)]
mod tests { fn b(x: &AtomicBool) { x.load(SeqCst); } }
#[test]
fn c(x: &AtomicBool) { x.load(SeqCst); }
impl D { #[track_caller] fn d(&self) { self.x.load(SeqCst); } }
";
        let found = scan("a.rs", source).expect("it is Rust");
        let text = |site: &Site| format!("{} {:?} {}", site.operation, site.lines, site.ordering);
        assert_eq!(
            found.iter().map(text).collect::<Vec<_>>(),
            [
                "store (3, 3) Release",
                "compare_exchange (5, 8) AcqRel, Relaxed",
                "unpark (8, 8) ",
                "fence (10, 10) SeqCst"
            ]
        );
        assert!(scan("b.rs", "fn (").is_err_and(|error| error.starts_with("b.rs: ")));
    }
}
