//! A litmus program as data.

use core::fmt;
use selvedge::rt::sync::atomic::Ordering;

/// A litmus program.
#[derive(Clone, Debug, PartialEq)]
pub struct Program {
    /// Its name.
    pub name: String,
    /// Locations that do not begin as 0.
    pub(super) init: Vec<(String, i64)>,
    pub(super) threads: Vec<Vec<Operation>>,
    /// What main does after it has waited for the threads; `None`: it does not wait.
    pub(super) main: Option<Vec<Operation>>,
    /// What exploring it must give.
    pub expectation: Expectation,
    /// The collection that it belongs to; empty if it names none.
    pub suite: String,
    /// Its line in the file, from 1.
    pub line: usize,
}

/// What exploring a program must give.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expectation {
    /// Whether a data race must be reported.
    pub race: bool,
    /// The number of complete executions under the model `genmc`, with race detection off.
    pub executions: Option<u64>,
    /// The number under other models, by their names, as far as they are known.
    pub counts: Vec<(String, u64)>,
}

impl Program {
    /// Returns the number of its threads, without main.
    pub fn threads(&self) -> usize {
        self.threads.len()
    }
}

impl Expectation {
    /// Returns the number of complete executions under a memory model, if it is known.
    pub fn under(&self, model: &str) -> Option<u64> {
        match model {
            "genmc" => self.executions,
            _ => self.counts.iter().find(|(name, _)| name == model).map(|(_, count)| *count),
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Operation {
    /// A plain store if there is no order.
    Store {
        order: Option<Ordering>,
        place: Place,
        value: Expression,
    },
    Load {
        register: usize,
        order: Option<Ordering>,
        place: Place,
    },
    Add {
        register: usize,
        order: Ordering,
        place: Place,
        value: Expression,
    },
    Exchange {
        register: usize,
        order: Ordering,
        place: Place,
        value: Expression,
    },
    CompareExchange {
        register: usize,
        orders: (Ordering, Ordering),
        place: Place,
        old: Expression,
        new: Expression,
    },
    Fence(Ordering),
    If(Condition, Vec<Operation>),
    Assume(Condition),
    Assert(Condition),
}

/// A location: a name, and an index if it is an array's element.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Place {
    pub(super) name: String,
    pub(super) index: Option<Expression>,
    /// The index of the location, once the program has been prepared to run.
    pub(super) array: Array,
}

/// Consecutive locations; a single location is an array of one.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Array {
    pub(super) first: usize,
    pub(super) length: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Expression {
    Number(i64),
    Register(usize),
    Binary(Box<Expression>, Arithmetic, Box<Expression>),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Arithmetic {
    Add,
    Subtract,
    Xor,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Condition {
    Compare(Expression, Comparison, Expression),
    And(Box<Condition>, Box<Condition>),
    Or(Box<Condition>, Box<Condition>),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparison {
    pub(super) const ALL: [(&'static str, Comparison); 6] = [
        ("==", Comparison::Equal),
        ("!=", Comparison::NotEqual),
        ("<=", Comparison::LessOrEqual),
        (">=", Comparison::GreaterOrEqual),
        ("<", Comparison::Less),
        (">", Comparison::Greater),
    ];

    pub(super) fn holds(self, a: i64, b: i64) -> bool {
        match self {
            Comparison::Equal => a == b,
            Comparison::NotEqual => a != b,
            Comparison::Less => a < b,
            Comparison::LessOrEqual => a <= b,
            Comparison::Greater => a > b,
            Comparison::GreaterOrEqual => a >= b,
        }
    }
}

impl Arithmetic {
    pub(super) fn apply(self, a: i64, b: i64) -> i64 {
        match self {
            Arithmetic::Add => a.wrapping_add(b),
            Arithmetic::Subtract => a.wrapping_sub(b),
            Arithmetic::Xor => a ^ b,
        }
    }
}

/// The orders, as the notation names them.
pub(super) const ORDERS: [(&str, Ordering); 5] = [
    ("rlx", Ordering::Relaxed),
    ("acq", Ordering::Acquire),
    ("rel", Ordering::Release),
    ("acqrel", Ordering::AcqRel),
    ("sc", Ordering::SeqCst),
];

fn order_name(order: Ordering) -> &'static str {
    ORDERS.iter().find(|(_, known)| *known == order).map_or("?", |(name, _)| name)
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if !self.init.is_empty() {
            f.write_str(" | init")?;
            self.init.iter().try_for_each(|(name, value)| write!(f, " {name}={value}"))?;
        }
        for (number, operations) in self.threads.iter().enumerate() {
            write!(f, " | T{number}: {}", List(operations))?;
        }
        if let Some(operations) = &self.main {
            f.write_str(" | main: join")?;
            if !operations.is_empty() {
                write!(f, "; {}", List(operations))?;
            }
        }
        match (self.expectation.race, self.expectation.executions) {
            (true, Some(executions)) => write!(f, " | expect=RACE | norace={executions}"),
            (true, None) => f.write_str(" | expect=RACE"),
            (false, Some(executions)) => write!(f, " | expect={executions}"),
            (false, None) => Ok(()),
        }?;
        for (number, (model, count)) in self.expectation.counts.iter().enumerate() {
            write!(f, "{}{model}:{count}", if number == 0 { " | counts=" } else { "," })?;
        }
        Ok(())
    }
}

struct List<'a>(&'a [Operation]);

impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, operation) in self.0.iter().enumerate() {
            write!(f, "{}{operation}", if number == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Operation::Store { order: None, place, value } => write!(f, "NA.W {place} {value}"),
            Operation::Store { order: Some(order), place, value } => {
                write!(f, "W.{} {place} {value}", order_name(*order))
            }
            Operation::Load { register, order: None, place } => write!(f, "r{register}=NA.R {place}"),
            Operation::Load { register, order: Some(order), place } => {
                write!(f, "r{register}=R.{} {place}", order_name(*order))
            }
            Operation::Add { register, order, place, value } => {
                write!(f, "r{register}=FADD.{} {place} {value}", order_name(*order))
            }
            Operation::Exchange { register, order, place, value } => {
                write!(f, "r{register}=XCHG.{} {place} {value}", order_name(*order))
            }
            Operation::CompareExchange { register, orders, place, old, new } => {
                let (success, failure) = (order_name(orders.0), order_name(orders.1));
                write!(f, "r{register}=CAS.{success}.{failure} {place} {old} {new}")
            }
            Operation::Fence(order) => write!(f, "F.{}", order_name(*order)),
            Operation::If(condition, operations) => write!(f, "if {condition} {{ {} }}", List(operations)),
            Operation::Assume(condition) => write!(f, "assume {condition}"),
            Operation::Assert(condition) => write!(f, "assert {condition}"),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.index {
            None => f.write_str(&self.name),
            Some(index) => write!(f, "{}[{index}]", self.name),
        }
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Expression::Number(number) => write!(f, "{number}"),
            Expression::Register(register) => write!(f, "r{register}"),
            Expression::Binary(left, operator, right) => {
                let sign = match operator {
                    Arithmetic::Add => '+',
                    Arithmetic::Subtract => '-',
                    Arithmetic::Xor => '^',
                };
                write!(f, "({left}{sign}{right})")
            }
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Condition::Compare(left, comparison, right) => {
                let known = Comparison::ALL.iter().find(|(_, known)| known == comparison);
                write!(f, "{left}{}{right}", known.map_or("?", |(sign, _)| sign))
            }
            Condition::And(left, right) => write!(f, "{left} && {right}"),
            Condition::Or(left, right) => write!(f, "{left} || {right}"),
        }
    }
}
