//! Reads litmus programs in the notation that the documentation of `litmus` describes.

use super::lexer::{Word, words};
use super::syntax::{
    Arithmetic, Array, Comparison, Condition, Expectation, Expression, ORDERS, Operation, Place, Program,
};
use core::fmt;
use selvedge::rt::sync::atomic::Ordering::{self, AcqRel, Acquire, Release};
use std::collections::HashMap;

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1.
    pub column: usize,
    /// What was expected, and found.
    pub message: String,
    /// The line's text.
    pub text: String,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}:{}: {}", self.line, self.column, self.message)?;
        writeln!(f, "  {}", self.text)?;
        write!(f, "  {}^", " ".repeat(self.column - 1))
    }
}

impl core::error::Error for ParseError {}

/// Reads the programs of a file.
///
/// # Errors
/// If a line is bad: the first one.
pub fn parse(text: &str) -> Result<Vec<Program>, ParseError> {
    let mut programs = Vec::new();
    let mut names = HashMap::new();
    for (number, line) in text.lines().enumerate() {
        if line.trim().is_empty() || line.trim_start().starts_with('#') {
            continue;
        }
        let fail = |(column, message): Wrong| ParseError {
            line: number + 1,
            column,
            message,
            text: line.to_string(),
        };
        let program = program(line, number + 1).map_err(fail)?;
        if let Some(first) = names.insert(program.name.clone(), number + 1) {
            return Err(fail((1, format!("line {first} has a program of this name already"))));
        }
        programs.push(program);
    }
    Ok(programs)
}

/// A column, and what is wrong there.
type Wrong = (usize, String);

fn program(line: &str, number: usize) -> Result<Program, Wrong> {
    let mut program = Program {
        name: String::new(),
        init: Vec::new(),
        threads: Vec::new(),
        main: None,
        expectation: Expectation::default(),
        suite: String::new(),
        line: number,
    };
    let mut column = 1;
    for (position, part) in line.split(" | ").enumerate() {
        let text = part.trim();
        let start = column + part.chars().take_while(|c| c.is_whitespace()).count();
        column += part.chars().count() + 3;
        if position == 0 {
            if text.is_empty() {
                return Err((start, "expected the program's name".to_string()));
            }
            program.name = text.to_string();
        } else {
            section(&mut program, text, start)?;
        }
    }
    if program.threads.is_empty() {
        return Err((column - 3, "expected a thread: `| T0: …`".to_string()));
    }
    Ok(program)
}

fn section(program: &mut Program, text: &str, column: usize) -> Result<(), Wrong> {
    let number = |value: &str| {
        value.parse().map_err(|_| (column, format!("expected a number of executions, found `{value}`")))
    };
    if let Some(value) = text.strip_prefix("expect=") {
        match value {
            "RACE" => program.expectation.race = true,
            value => program.expectation.executions = Some(number(value)?),
        }
    } else if let Some(value) = text.strip_prefix("norace=") {
        program.expectation.executions = Some(number(value)?);
    } else if let Some(list) = text.strip_prefix("counts=") {
        for part in list.split(',') {
            let (model, count) = part.split_once(':').ok_or_else(|| {
                (column, format!("expected a model and a number such as `tso:3`, found `{part}`"))
            })?;
            program.expectation.counts.push((model.to_string(), number(count)?));
        }
    } else if let Some(suite) = text.strip_prefix("suite=") {
        program.suite = suite.to_string();
    } else if text == "init" || text.starts_with("init ") {
        let mut parser = Parser::new(&text[4..], column + 4);
        while parser.peek().is_some() {
            let name = parser.name("a location")?;
            parser.sign("=")?;
            let value = parser.constant()?;
            program.init.push((name, value));
        }
    } else if let Some(rest) = text.strip_prefix("main:") {
        let mut parser = Parser::new(rest, column + 5);
        parser.sign("join")?;
        if parser.peek().is_some() {
            parser.sign(";")?;
        }
        program.main = Some(parser.operations(None)?);
    } else if let Some((label, rest)) = text.split_once(':')
        && label.starts_with('T')
        && label[1..].chars().all(|c| c.is_ascii_digit())
    {
        let wanted = format!("T{}", program.threads.len());
        if label != wanted {
            return Err((column, format!("expected thread `{wanted}:`, found `{label}:`")));
        }
        let mut parser = Parser::new(rest, column + label.len() + 1);
        program.threads.push(parser.operations(None)?);
    } else if !text.starts_with("note:") {
        let known = "`T0:`, `main:`, `init`, `expect=`, `norace=`, `counts=`, `suite=` or `note:`";
        return Err((column, format!("expected {known}, found `{}`", first_word(text))));
    }
    Ok(())
}

fn first_word(text: &str) -> &str {
    text.split_whitespace().next().unwrap_or("the end")
}

struct Parser {
    words: Vec<Word>,
    position: usize,
    end: usize,
}

impl Parser {
    fn new(text: &str, column: usize) -> Parser {
        Parser { words: words(text, column), position: 0, end: column + text.chars().count() }
    }

    fn peek(&self) -> Option<&str> {
        self.words.get(self.position).map(|word| word.text.as_str())
    }

    fn column(&self) -> usize {
        self.words.get(self.position).map_or(self.end, |word| word.column)
    }

    fn expected<T>(&self, what: &str) -> Result<T, Wrong> {
        let found = self.peek().map_or("the end".to_string(), |word| format!("`{word}`"));
        Err((self.column(), format!("expected {what}, found {found}")))
    }

    /// Takes the next word if it is this one.
    fn accept(&mut self, text: &str) -> bool {
        let here = self.peek() == Some(text);
        self.position += usize::from(here);
        here
    }

    fn sign(&mut self, text: &str) -> Result<(), Wrong> {
        if self.accept(text) { Ok(()) } else { self.expected(&format!("`{text}`")) }
    }

    fn name(&mut self, what: &str) -> Result<String, Wrong> {
        match self.peek() {
            Some(word) if word.starts_with(|c: char| c.is_ascii_alphabetic()) => {
                let name = word.to_string();
                self.position += 1;
                Ok(name)
            }
            _ => self.expected(what),
        }
    }

    fn constant(&mut self) -> Result<i64, Wrong> {
        let negative = self.accept("-");
        match self.peek().and_then(|word| word.parse::<i64>().ok()) {
            Some(number) => {
                self.position += 1;
                Ok(if negative { -number } else { number })
            }
            None => self.expected("a number"),
        }
    }

    fn order(&mut self, what: &str, wrong: &[Ordering]) -> Result<Ordering, Wrong> {
        self.sign(".")?;
        let known = ORDERS.iter().find(|(name, _)| Some(*name) == self.peek());
        let Some((name, order)) = known else {
            return self.expected("an order (rlx, acq, rel, acqrel, sc)");
        };
        if wrong.contains(order) {
            return Err((self.column(), format!("there is no {what} with order `{name}`")));
        }
        self.position += 1;
        Ok(*order)
    }

    /// Reads operations up to the end, or to a closing brace.
    fn operations(&mut self, close: Option<&str>) -> Result<Vec<Operation>, Wrong> {
        let mut operations = Vec::new();
        loop {
            if self.peek() == close {
                self.position += usize::from(close.is_some());
                return Ok(operations);
            }
            operations.push(self.operation()?);
            if self.peek() != close {
                self.sign(";")?;
            }
        }
    }

    fn operation(&mut self) -> Result<Operation, Wrong> {
        if let Some(register) = self.peek().and_then(register) {
            self.position += 1;
            self.sign("=")?;
            return self.read(register);
        }
        let start = self.position;
        let word = self.name(OPERATIONS)?;
        match word.as_str() {
            "W" => {
                let order = Some(self.order("store", &[Acquire, AcqRel])?);
                Ok(Operation::Store { order, place: self.place()?, value: self.expression()? })
            }
            "NA" => {
                self.sign(".")?;
                self.sign("W")?;
                Ok(Operation::Store { order: None, place: self.place()?, value: self.expression()? })
            }
            "F" => Ok(Operation::Fence(self.order("fence", &[Ordering::Relaxed])?)),
            "assume" => Ok(Operation::Assume(self.condition()?)),
            "assert" => Ok(Operation::Assert(self.condition()?)),
            "if" => {
                let condition = self.condition()?;
                self.sign("{")?;
                Ok(Operation::If(condition, self.operations(Some("}"))?))
            }
            _ => {
                self.position = start;
                self.expected(OPERATIONS)
            }
        }
    }

    fn read(&mut self, register: usize) -> Result<Operation, Wrong> {
        const READS: &str = "R, FADD, XCHG, CAS or NA.R";
        let start = self.position;
        match self.name(READS)?.as_str() {
            "R" => {
                let order = Some(self.order("load", &[Release, AcqRel])?);
                Ok(Operation::Load { register, order, place: self.place()? })
            }
            "NA" => {
                self.sign(".")?;
                self.sign("R")?;
                Ok(Operation::Load { register, order: None, place: self.place()? })
            }
            "FADD" => {
                let order = self.order("fetch-and-add", &[])?;
                Ok(Operation::Add { register, order, place: self.place()?, value: self.expression()? })
            }
            "XCHG" => {
                let order = self.order("exchange", &[])?;
                Ok(Operation::Exchange { register, order, place: self.place()?, value: self.expression()? })
            }
            "CAS" => {
                let success = self.order("compare-exchange", &[])?;
                let failure = self.order("failing compare-exchange", &[Release, AcqRel])?;
                let (place, old, new) = (self.place()?, self.expression()?, self.expression()?);
                Ok(Operation::CompareExchange { register, orders: (success, failure), place, old, new })
            }
            _ => {
                self.position = start;
                self.expected(READS)
            }
        }
    }

    fn place(&mut self) -> Result<Place, Wrong> {
        if self.peek().and_then(register).is_some() {
            return self.expected("a location");
        }
        let name = self.name("a location")?;
        if !self.accept("[") {
            return Ok(Place { name, index: None, array: Array::default() });
        }
        let index = Some(self.expression()?);
        self.sign("]")?;
        Ok(Place { name, index, array: Array::default() })
    }

    fn expression(&mut self) -> Result<Expression, Wrong> {
        let mut left = self.term()?;
        loop {
            let operator = match self.peek() {
                Some("+") => Arithmetic::Add,
                Some("-") => Arithmetic::Subtract,
                Some("^") => Arithmetic::Xor,
                _ => return Ok(left),
            };
            self.position += 1;
            left = Expression::Binary(Box::new(left), operator, Box::new(self.term()?));
        }
    }

    fn term(&mut self) -> Result<Expression, Wrong> {
        if self.accept("(") {
            let inner = self.expression()?;
            self.sign(")")?;
            return Ok(inner);
        }
        if let Some(register) = self.peek().and_then(register) {
            self.position += 1;
            return Ok(Expression::Register(register));
        }
        match self.peek() {
            Some("-") => self.constant().map(Expression::Number),
            Some(word) if word.parse::<i64>().is_ok() => self.constant().map(Expression::Number),
            _ => self.expected("a number, a register or `(`"),
        }
    }

    fn condition(&mut self) -> Result<Condition, Wrong> {
        let mut left = self.conjunction()?;
        while self.accept("||") {
            left = Condition::Or(Box::new(left), Box::new(self.conjunction()?));
        }
        Ok(left)
    }

    fn conjunction(&mut self) -> Result<Condition, Wrong> {
        let mut left = self.comparison()?;
        while self.accept("&&") {
            left = Condition::And(Box::new(left), Box::new(self.comparison()?));
        }
        Ok(left)
    }

    fn comparison(&mut self) -> Result<Condition, Wrong> {
        let left = self.expression()?;
        let known = Comparison::ALL.iter().find(|(sign, _)| Some(*sign) == self.peek());
        let Some((_, comparison)) = known else {
            return self.expected("a comparison (==, !=, <, <=, >, >=)");
        };
        self.position += 1;
        Ok(Condition::Compare(left, *comparison, self.expression()?))
    }
}

const OPERATIONS: &str = "an operation (W, NA.W, F, if, assume, assert, or `r0=…`)";

/// Returns the number in the name of a register.
fn register(word: &str) -> Option<usize> {
    word.strip_prefix('r').and_then(|number| number.parse().ok()).filter(|number| *number < MAX_REGISTERS)
}

/// Registers that a thread may have.
pub(super) const MAX_REGISTERS: usize = 64;
