//! Source files, read when a report needs them.

use super::declared::{Declared, declared, derived};
use super::tree::Tree;
use super::used::used;
use selvedge::rt::seam::Site;
use std::collections::HashMap;
use std::fs;
use std::path::Path;

/// The source files of a program, each read once. A file that is not there has no lines and no names.
#[derive(Default)]
pub(crate) struct Sources(HashMap<String, Option<Tree>>);

/// A line of the source.
pub(crate) struct Line {
    /// The line without the white space around it.
    pub(crate) text: String,
    /// Where in it the word begins that stands at the site, in characters.
    pub(crate) start: usize,
    /// The length of that word.
    #[cfg_attr(not(feature = "graph"), allow(dead_code, reason = "only pages mark the word"))]
    pub(crate) length: usize,
}

impl Sources {
    fn tree(&mut self, file: &str) -> Option<&Tree> {
        if !self.0.contains_key(file) {
            self.0.insert(file.to_string(), read(file).map(Tree::new));
        }
        self.0.get(file)?.as_ref()
    }

    /// Returns the line of a site.
    pub(crate) fn line(&mut self, file: &str, line: u32, column: u32) -> Option<Line> {
        let whole = self.tree(file)?.line(line)?;
        let indent = whole.chars().take_while(|c| c.is_whitespace()).count();
        let start = (column.saturating_sub(1) as usize).checked_sub(indent)?;
        let text = whole.trim().to_string();
        let length = text.chars().skip(start).take_while(|c| c.is_alphanumeric() || *c == '_').count();
        Some(Line { text, start, length })
    }

    /// Returns where the value goes that is made at a site.
    pub(super) fn declared(&mut self, site: Site) -> Option<Declared> {
        declared(self.tree(site.file())?, site.line(), site.column())
    }

    /// Returns the fields of the struct whose derived `Default` stands at a site, with their types.
    pub(super) fn derived(&mut self, site: Site) -> Option<(String, Vec<(String, String)>)> {
        derived(self.tree(site.file())?, site.line(), site.column())
    }

    /// Returns the name of the object on which the operation at a site works.
    pub(super) fn used(&mut self, site: Site) -> Option<String> {
        used(self.tree(site.file())?, site.line(), site.column())
    }
}

/// Returns the text of a source file, whose name is absolute or relative to its workspace.
fn read(file: &str) -> Option<String> {
    let here = std::env::current_dir().unwrap_or_default();
    here.ancestors().chain([Path::new("")]).find_map(|folder| fs::read_to_string(folder.join(file)).ok())
}
