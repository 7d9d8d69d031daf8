//! What reports call the steps of an operation, and the values that they show beside it.

#[cfg(feature = "checking")]
use super::super::seam::{Current, StepName, current};
#[cfg(feature = "checking")]
use core::any::TypeId;
#[cfg(feature = "checking")]
use core::marker::PhantomData;
#[cfg(feature = "checking")]
use std::collections::BTreeSet;
#[cfg(feature = "checking")]
use std::sync::{Mutex, PoisonError};

/// Returns the operation with the value that it has: `send 2`. The value is shown if a report may come of the execution, and
/// if the value is a number, a truth value, a character or a short text.
#[inline(always)]
pub(crate) fn with_value<T>(operation: &'static str, _value: &T) -> &'static str {
    #[cfg(feature = "checking")]
    if let Current::Model(session) = current()
        && session.is_recording()
        && let Some(text) = text_of(_value)
    {
        return interned(format!("{operation} {text}"));
    }
    operation
}

/// Shows a value that the current thread has received beside its last step.
#[inline(always)]
pub(crate) fn note_received<T>(_value: &T) {
    #[cfg(feature = "checking")]
    if let Current::Model(session) = current()
        && session.is_recording()
        && let Some(text) = text_of(_value)
    {
        session.rename_step(&|name| {
            let step = name.operation;
            let operation = match step {
                _ if step.contains("receive") => interned(format!("{step} {text}")),
                _ if step.contains("select") => interned(format!("{step}: receive {text}")),
                // Of a waker that was called meanwhile.
                _ => step,
            };
            StepName { operation, ..name }
        });
    }
}

/// Notes that the current thread's last step only begins an operation, whose end is a step of its own.
#[inline(always)]
pub(crate) fn note_begun() {
    #[cfg(feature = "checking")]
    if let Current::Model(session) = current()
        && session.is_recording()
    {
        session.rename_step(&|name| {
            let operation = interned(format!("begin to {}", name.operation));
            StepName { operation, ..name }
        });
    }
}

/// Returns the one copy of a text, which stays. There are as many as failures show.
#[cfg(feature = "checking")]
fn interned(text: String) -> &'static str {
    static TEXTS: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut texts = TEXTS.lock().unwrap_or_else(PoisonError::into_inner);
    match texts.get(text.as_str()) {
        Some(known) => known,
        None => {
            let text: &'static str = Box::leak(text.into_boxed_str());
            texts.insert(text);
            text
        }
    }
}

/// The longest text that is shown, in bytes.
#[cfg(feature = "checking")]
const LONGEST: usize = 24;

/// Returns a value as text, if its type is one of those that are shown.
#[cfg(feature = "checking")]
fn text_of<T>(value: &T) -> Option<String> {
    let id = id_of::<T>();
    let pointer = core::ptr::from_ref(value);
    macro_rules! shown {
        ($($shown:ty),*) => {$(
            if id == TypeId::of::<$shown>() {
                // SAFETY: `T` is this type, but for lifetimes, and the reference ends before `value` does.
                return Some(format!("{:?}", unsafe { &*pointer.cast::<$shown>() }));
            }
        )*};
    }
    shown!(u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize, f32, f64, bool, char);
    if id == TypeId::of::<&'static str>() {
        // SAFETY: `T` is `&str` with some lifetime, and the reference ends before `value` does.
        let text: &str = unsafe { *pointer.cast::<&str>() };
        return (text.len() <= LONGEST).then(|| format!("{text:?}"));
    }
    None
}

/// Returns the name of a type, all lifetimes in which count for `'static`.
#[cfg(feature = "checking")]
fn id_of<T>() -> TypeId {
    trait Typed {
        fn id(&self) -> TypeId
        where
            Self: 'static;
    }

    impl<T> Typed for PhantomData<T> {
        fn id(&self) -> TypeId
        where
            Self: 'static,
        {
            TypeId::of::<T>()
        }
    }

    let typed: &dyn Typed = &PhantomData::<T>;
    // SAFETY: only the bound on lifetimes changes, which no code is chosen by. `id` reads nothing through the reference.
    let typed = unsafe { core::mem::transmute::<&dyn Typed, &(dyn Typed + 'static)>(typed) };
    typed.id()
}

#[cfg(all(test, feature = "checking"))]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_short_texts_are_shown() {
        assert_eq!(text_of(&2_u64).as_deref(), Some("2"));
        assert_eq!(text_of(&-1_i8).as_deref(), Some("-1"));
        assert_eq!(text_of(&true).as_deref(), Some("true"));
        let text = String::from("weft");
        assert_eq!(text_of(&text.as_str()).as_deref(), Some("\"weft\""));
        assert_eq!(text_of(&"x".repeat(LONGEST + 1).as_str()), None);
    }

    #[test]
    fn other_values_are_not() {
        struct Borrows<'a>(&'a u8);
        let number = 1;
        assert_eq!(text_of(&Borrows(&number)).map(|_| number + Borrows(&number).0), None);
        assert_eq!(text_of(&vec![1]), None);
        assert_eq!(text_of(&Some(1)), None);
    }

    #[test]
    fn a_text_is_kept_once() {
        let one = interned("send 2".to_string());
        assert!(core::ptr::eq(one, interned("send 2".to_string())));
    }

    #[test]
    fn outside_an_execution_that_is_recorded_no_value_is_shown() {
        assert_eq!(with_value("send", &2), "send");
    }
}
