//! The names of a failed execution's objects and threads, as the source has them.
//!
//! An object knows the line that made it. What is bound there gives the name; else the place on which its first operation
//! works. An object that `selvedge` makes for itself has the name of its field, behind the name of what the user called:
//! `lock.state`. The source is read when a report is made, and may be gone: then an object has its type and number.

mod declared;
mod lexer;
mod pattern;
mod pointers;
mod sources;
mod tree;
mod used;

use declared::{Declared, Part};
use pattern::Pattern;
use pointers::Pointers;
use selvedge::rt::seam::{Failure, Family, Made, Site, Step, Values, is_own_source};
pub(crate) use sources::Sources;
use std::collections::HashMap;

/// The names in a report.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    objects: HashMap<(Family, u32), Object>,
    threads: HashMap<usize, String>,
    pointers: Pointers,
}

/// An object in a report.
#[derive(Clone, Debug)]
struct Object {
    name: String,
    type_name: &'static str,
}

/// What an object may be called.
#[derive(Clone, Default)]
struct Candidate {
    /// The name of the variable or field.
    short: Option<String>,
    /// The name with what it is a part of.
    long: Option<String>,
}

impl Names {
    /// Returns the names of the objects and threads of a failed execution.
    pub(crate) fn of(failure: &Failure, sources: &mut Sources) -> Names {
        let mut first: HashMap<(Family, u32), &Step> = HashMap::new();
        for step in &failure.steps {
            if let Some(object) = step.object() {
                first.entry(object).or_insert(step);
            }
        }
        let mut made_at: HashMap<Site, usize> = HashMap::new();
        let mut candidates = Vec::new();
        for made in &failure.objects {
            let ordinal = made_at.entry(made.site).or_default();
            let step = first.get(&(made.family, made.number)).copied();
            candidates.push(candidate(sources, made, *ordinal, step));
            *ordinal += 1;
        }
        let objects = distinct(&failure.objects, &candidates);
        let mut names = Names { objects, threads: threads(failure, sources), pointers: Pointers::default() };
        for made in failure.objects.iter().filter(|made| made.family == Family::Memory) {
            let has_name = !is_own_source(made.site.file()) && sources.declared(made.site).is_some();
            if has_name {
                let name = format!("&{}", names.object(made.family, made.number));
                names.pointers.call(made.address as u64, name);
            }
        }
        failure.steps.iter().for_each(|step| names.learn(step));
        names
    }

    /// Returns the name of an object.
    pub(crate) fn object(&self, family: Family, number: u32) -> String {
        match (self.objects.get(&(family, number)), family) {
            (Some(object), _) => object.name.clone(),
            (None, Family::Atomic) => format!("#{number}"),
            (None, Family::Cell) => format!("c{number}"),
            (None, Family::Token) => format!("token {number}"),
            (None, Family::Memory) => format!("memory {number}"),
            (None, Family::Specified(kind)) => format!("{kind}#{number}"),
        }
    }

    /// Gives the pointers in a step names, in the order in which they appear.
    fn learn(&mut self, step: &Step) {
        let _ = step.values.text(|value| {
            self.pointers.learn(value);
            String::new()
        });
    }

    /// Returns the text of a value of an object: of a pointer its name, with the tag in its low bits.
    pub(crate) fn value(&self, of: Option<(Family, u32)>, value: u64) -> String {
        let type_name = of.and_then(|(family, number)| self.type_name(family, number));
        let typed = type_name.and_then(|type_name| typed(type_name, value));
        typed.or_else(|| self.pointer(value)).unwrap_or_else(|| value.to_string())
    }

    /// Returns the name of a pointer, if the value is one that a step has.
    pub(crate) fn pointer(&self, value: u64) -> Option<String> {
        self.pointers.name(value)
    }

    /// Returns the type of an object, if it is known.
    pub(crate) fn type_name(&self, family: Family, number: u32) -> Option<&'static str> {
        self.objects.get(&(family, number)).map(|object| object.type_name)
    }

    /// Returns the name of a thread, if it has one: its own, or that of the variable with its handle.
    pub(crate) fn thread(&self, thread: usize) -> Option<&str> {
        self.threads.get(&thread).map(String::as_str)
    }

    /// Returns the names of all cells.
    #[cfg(feature = "graph")]
    pub(crate) fn cells(&self) -> impl Iterator<Item = (u32, String)> + '_ {
        let cells = self.objects.iter().filter(|((family, _), _)| *family == Family::Cell);
        cells.map(|((_, number), object)| (*number, object.name.clone()))
    }
}

/// Returns the text of a value of a type that shows it as another one than its bits, if it is one.
fn typed(type_name: &str, bits: u64) -> Option<String> {
    match type_name {
        "AtomicBool" if bits <= 1 => Some((bits == 1).to_string()),
        "AtomicI8" => Some((bits as i8).to_string()),
        "AtomicI16" => Some((bits as i16).to_string()),
        "AtomicI32" => Some((bits as i32).to_string()),
        "AtomicI64" | "AtomicIsize" => Some((bits as i64).to_string()),
        "AtomicPtr" if bits == 0 => Some("null".to_string()),
        _ => None,
    }
}

/// Returns what an object may be called, which is the `ordinal`th one made at its site.
fn candidate(sources: &mut Sources, made: &Made, ordinal: usize, first: Option<&Step>) -> Candidate {
    if is_own_source(made.site.file()) {
        return of_library(sources, made, ordinal, first);
    }
    let declared = sources.declared(made.site);
    let name = declared.as_ref().filter(|declared| !declared.is_const).and_then(|found| found.name(ordinal));
    let used =
        || first.filter(|step| !is_own_source(step.site.file())).and_then(|step| sources.used(step.site));
    let short = name.clone().or_else(used).or_else(|| declared.as_ref()?.name(ordinal));
    let short = short.or_else(|| field_of_derive(sources, made, ordinal).map(|(_, field)| field));
    let long = name.zip(declared).and_then(|(name, declared)| Some(format!("{}.{name}", declared.prefix()?)));
    Candidate { short, long }
}

/// Returns what an object may be called that `selvedge` has made for itself.
fn of_library(sources: &mut Sources, made: &Made, ordinal: usize, first: Option<&Step>) -> Candidate {
    let declared = sources.declared(made.site);
    let field =
        declared.as_ref().and_then(|declared| Some((declared.owner.clone(), declared.name(ordinal)?)));
    let derived = || field_of_derive(sources, made, ordinal).map(|(owner, field)| (Some(owner), field));
    let (owner, field) = match field.or_else(derived) {
        Some((owner, field)) => (owner, Some(field)),
        None => (None, None),
    };
    let called = made.called_at.or_else(|| first?.call.map(|call| call.site));
    let called = called.filter(|site| !is_own_source(site.file()));
    let whole = called.and_then(|site| {
        let made_there = sources.declared(site).and_then(|declared| declared.name(0));
        sources.used(site).or(made_there)
    });
    let short = match (whole.or(owner), field) {
        (Some(whole), Some(field)) => Some(format!("{whole}.{field}")),
        (whole, field) => field.or(whole),
    };
    Candidate { short, long: None }
}

/// Returns the struct and the field that a derived `Default` makes at an object's site.
fn field_of_derive(sources: &mut Sources, made: &Made, ordinal: usize) -> Option<(String, String)> {
    let (owner, fields) = sources.derived(made.site)?;
    let same_kind = |(_, types): &&(String, String)| types.contains("Atomic") || types.contains("UnsafeCell");
    let fields: Vec<_> = fields.iter().filter(same_kind).collect();
    let (field, types) = fields.get(ordinal % fields.len().max(1))?;
    types.contains(made.type_name).then(|| (owner, field.clone()))
}

impl Declared {
    /// Returns the name of the `ordinal`th value that the expression makes.
    fn name(&self, ordinal: usize) -> Option<String> {
        let mut pattern = &self.pattern;
        let mut parts = &self.parts[..];
        while let Pattern::Items(items) = pattern {
            let at = match parts.first() {
                Some(Part::Field(at) | Part::Item(at)) => *at,
                Some(Part::Each) => ordinal,
                // The only argument of a variant, or what a function returns together.
                None if items.len() == 1 => 0,
                None => return pattern.first().map(str::to_string),
            };
            (pattern, parts) = (items.get(at)?, parts.get(1..).unwrap_or_default());
        }
        let mut name = pattern.first()?.to_string();
        for part in parts {
            match part {
                Part::Field(at) => name.push_str(&format!(".{at}")),
                Part::Item(at) => name.push_str(&format!("[{at}]")),
                Part::Each => name.push_str(&format!("[{ordinal}]")),
            }
        }
        Some(name)
    }

    /// Returns the name of the struct's variable, or else of its type.
    fn prefix(&self) -> Option<String> {
        let outer = self.outer.as_ref().and_then(|outer| outer.name(0));
        outer.or_else(|| self.owner.clone())
    }
}

/// Returns the names of all objects, no two of a family alike.
fn distinct(objects: &[Made], candidates: &[Candidate]) -> HashMap<(Family, u32), Object> {
    let mut alike: HashMap<(Family, &str), Vec<usize>> = HashMap::new();
    for (at, candidate) in candidates.iter().enumerate() {
        if let Some(short) = &candidate.short {
            alike.entry((objects[at].family, short)).or_default().push(at);
        }
    }
    let mut taken: HashMap<(Family, String), usize> = HashMap::new();
    let mut names = HashMap::new();
    for (made, candidate) in objects.iter().zip(candidates) {
        let base = candidate.short.as_ref().map(|short| {
            let group = &alike[&(made.family, short.as_str())];
            let longs: Vec<_> = group.iter().map(|at| &candidates[*at].long).collect();
            let told_apart =
                longs.iter().enumerate().all(|(n, long)| long.is_some() && !longs[..n].contains(long));
            candidate.long.clone().filter(|_| group.len() > 1 && told_apart).unwrap_or_else(|| short.clone())
        });
        let name = match base {
            None => format!("{}#{}", made.type_name, made.number),
            Some(base) => {
                let count = taken.entry((made.family, base.clone())).or_default();
                *count += 1;
                if *count == 1 { base } else { format!("{base}#{count}") }
            }
        };
        names.insert((made.family, made.number), Object { name, type_name: made.type_name });
    }
    names
}

/// Returns the names of the threads that have one: their own, or those of the variables with their handles.
fn threads(failure: &Failure, sources: &mut Sources) -> HashMap<usize, String> {
    let own = failure.names.iter().enumerate().skip(1);
    let mut names: HashMap<_, _> = own.filter_map(|(n, name)| Some((n, name.clone()?))).collect();
    let mut ordinals: HashMap<Site, usize> = HashMap::new();
    for step in failure.steps.iter().filter(|step| step.operation == "spawn") {
        let Values::Thread(thread) = step.values else { continue };
        let ordinal = ordinals.entry(step.site).or_default();
        if let Some(name) = sources.declared(step.site).and_then(|declared| declared.name(*ordinal)) {
            names.entry(thread).or_insert(name);
        }
        *ordinal += 1;
    }
    names
}

#[cfg(test)]
mod tests;
