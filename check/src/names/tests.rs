use super::declared::declared;
use super::tree::Tree;
use super::used::used;

/// Returns the name of the `ordinal`th value that is made at the mark `@` of a source.
fn nth(source: &str, ordinal: usize) -> Option<String> {
    let (before, after) = source.split_once('@').expect("a mark");
    let line = before.lines().count().max(1) as u32;
    let line = line + u32::from(before.ends_with('\n'));
    let column = before.rsplit('\n').next().map_or(0, |line| line.chars().count()) as u32 + 1;
    declared(&Tree::new(format!("{before}{after}")), line, column)?.name(ordinal)
}

fn name(source: &str) -> Option<String> {
    nth(source, 0)
}

#[test]
fn a_variable_field_or_static_names_what_is_made_in_it() {
    for (source, expected) in [
        ("let ready = @A::new(0);", "ready"),
        ("let mut ready = Arc::new(@A::new(0));", "ready"),
        ("let ready: Arc<A> = Arc::new(CachePadded::new(@A::new(0)));", "ready"),
        ("let (data, ready) = (@A::new(0), A::new(0));", "data"),
        ("let (data, ready) = (A::new(0), @A::new(0));", "ready"),
        ("let (a, (b, c)) = (x, (y, @A::new(0)));", "c"),
        ("let [a, b] = [A::new(0), @A::new(0)];", "b"),
        ("let Some(a) = Some(@A::new(0)) else { return };", "a"),
        ("let pair = (A::new(0), @A::new(0));", "pair.1"),
        ("let slots = [A::new(0), @A::new(0)];", "slots[1]"),
        ("let slots = vec![A::new(0), @A::new(0)];", "slots[1]"),
        ("let a = Slot { ready: @A::new(false) };", "ready"),
        ("Slot {\n  // ready: x\n  data: 1,\n  ready:\n    Arc::new(\n      @A::new(0),\n    ),\n}", "ready"),
        ("Slot { slots: [A::new(0), @A::new(0)] }", "slots[1]"),
        ("static READY: A = @A::const_new(false);", "READY"),
        ("pub(crate) static mut READY: A = @A::const_new(false);", "READY"),
        ("thread_local! { static X: A = @A::new(0); }", "X"),
        ("self.ready = @A::new(0);", "ready"),
        ("slots[2] = @A::new(0);", "slots[2]"),
        ("list.push(@A::new(0));", "list[0]"),
        ("let a = if x { @A::new(0) } else { A::new(1) };", "a"),
        ("let a = if x { A::new(0) } else { @A::new(1) };", "a"),
        ("let a = match x { 1 => A::new(0), _ => @A::new(1) };", "a"),
        ("let a = \"x = (\"; let b = f('\"', @A::new(1));", "b"),
        ("let a: &'static A = Box::leak(Box::new(@A::new(1)));", "a"),
        ("let x: Vec<A>= vec![@A::new(1)];", "x[0]"),
        ("let lazy = LazyLock::new(|| @A::new(1));", "lazy"),
        ("let r#type = @A::new(1);", "type"),
        ("let a = unsafe { @A::new(1) };", "a"),
    ] {
        assert_eq!(name(source).as_deref(), Some(expected), "{source}");
    }
}

#[test]
fn what_cannot_be_followed_has_no_name() {
    for source in [
        "fn new() -> A { @A::new(0) }",
        "let a = || @A::new(0);",
        "let n = scope(|s| { run(@A::new(0)) });",
        "let n = scope(|s| { run(@A::new(0)); 3 });",
        "let a = 1; run(@A::new(0));",
        "impl Default for X { fn default() -> X { @A::new(0) } }",
        "assert_eq!(@A::new(0).load(X), 1);",
        "let _ = @A::new(0);",
        "@A",
        "a >= b; x >= @A::new(0)",
        "Slot { ..@A::new(0) }",
    ] {
        assert_eq!(name(source), None, "{source}");
    }
}

#[test]
fn one_expression_that_makes_several_numbers_them() {
    for (source, expected) in [
        ("let slots: Vec<_> = (0..3).map(|_| @A::new(0)).collect();", "slots[2]"),
        ("let slots: [A; 3] = core::array::from_fn(|i| @A::new(i));", "slots[2]"),
        ("let slots = [const { @A::const_new(0) }; 4];", "slots[2]"),
        ("let [a, b, c] = [0, 1, 2].map(|n| @A::new(n));", "c"),
        ("let [a, b, c] = array::from_fn::<_, 3, _>(|_| Arc::new(@A::new(0)));", "c"),
        ("Ring { slots: (0..n).map(|_| { @A::new(0) }).collect() }", "slots[2]"),
        ("let slots = { iter::repeat_with(move || @A::new(0)).take(3).collect::<Vec<_>>() };", "slots[2]"),
    ] {
        assert_eq!(nth(source, 2).as_deref(), Some(expected), "{source}");
    }
}

#[test]
fn an_operation_names_its_object() {
    for (source, expected) in [
        ("ready.@load(X)", Some("ready")),
        ("self.ready.@load(X)", Some("ready")),
        ("self\n  .ready\n  // flag\n  .@load(X)", Some("ready")),
        ("slots[i].@load(X)", Some("slots")),
        ("slots[1].@load(X)", Some("slots[1]")),
        ("pair.0.@load(X)", Some("pair.0")),
        ("self.0.@load(X)", None),
        ("node(n).@load(X)", Some("node")),
        ("self.slots.get(1).unwrap().@load(X)", Some("slots")),
        ("(*pointer).@load(X)", Some("pointer")),
        ("unsafe { &*p }.@load(X)", None),
        ("@A::load(&self.ready, X)", Some("ready")),
        ("@f(x, y)", Some("x")),
        ("x + @1", None),
    ] {
        let (before, after) = source.split_once('@').expect("a mark");
        let line = before.matches('\n').count() as u32 + 1;
        let column = before.rsplit('\n').next().map_or(0, |line| line.chars().count()) as u32 + 1;
        let tree = Tree::new(format!("{before}{after}"));
        assert_eq!(used(&tree, line, column).as_deref(), expected, "{source}");
    }
}

#[test]
fn any_text_and_any_place_are_taken() {
    let parts = [
        "let ", "a", " = ", "(", ")", "[", "]", "{", "}", "|", "||", ",", ";", ":", "::", ".", "0", "fn ",
        "Self ", "impl ", "match ", "vec!", "const ", "'x'", "\"s\"", "\n", "=>", ">", "<", "&", "struct ",
        "derive", "static ", "é", "_", "?",
    ];
    let random = &mut fastrand::Rng::with_seed(11);
    for _ in 0..4_000 {
        let text: String = (0..random.usize(1..30)).map(|_| parts[random.usize(..parts.len())]).collect();
        let tree = Tree::new(text.clone());
        for (line, text) in (1..).zip(text.lines()) {
            for column in 1..=text.chars().count() as u32 + 1 {
                let found = declared(&tree, line, column).and_then(|declared| declared.name(1));
                let used = used(&tree, line, column);
                super::declared::derived(&tree, line, column);
                assert!([found, used].into_iter().flatten().all(|name| !name.is_empty()), "{text}");
            }
        }
    }
}
