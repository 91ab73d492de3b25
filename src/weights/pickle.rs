//! A pickle machine that runs no code.
//!
//! It reads protocols 0 to 5 as Python's own does, but calls nothing: what Python would build by a
//! call (`REDUCE`, `NEWOBJ`, `INST`, …) becomes an inert [`Object`] that remembers what would have
//! been called with what. Items live in one flat list and refer to each other by [`Id`], so cycles
//! and deep nesting cost no recursion. What an opcode makes is counted: memory grows linearly with the
//! input, up to a bound.

use std::collections::BTreeMap;

use super::{
    cut_short,
    item::{Global, Id, Item, Object, Pickle},
    reader::{
        Malformed, Reader, TRUNCATED, Width, integer, integer_or_bool, name, unescaped, unquoted, utf8,
    },
};
use crate::{
    budget::Budget,
    error::{Error, Result},
};

/// Longest pickle that is read, in bytes. The pickle of the largest known classifier has 200 kB.
const MAX_BYTES: usize = 16 << 20;
/// The most that may be made of a pickle, and of each of its bytes, in bytes of memory.
const MAX_MADE: u64 = 64 << 20;
const MADE_PER_BYTE: u64 = 64;
/// A few bytes may name a long name once more.
const MADE_ANYHOW: u64 = 1 << 20;
/// What a mark and an entry of the memo cost, in bytes.
const MARK: usize = 8;
const MEMO: usize = 24;

/// Reads a pickle.
///
/// # Errors
/// If the bytes are not a whole, well-formed pickle, or one larger than any model needs.
pub(super) fn parse(bytes: &[u8]) -> Result<Pickle> {
    if bytes.len() > MAX_BYTES {
        return Err(Error::new(format!("the pickle has {} bytes, more than {MAX_BYTES}", bytes.len())));
    }
    parse_first(bytes).map(|(pickle, _)| pickle)
}

/// Reads the pickle that `bytes` begin with. Gives its length too.
///
/// # Errors
/// As [`parse`].
pub(super) fn parse_first(bytes: &[u8]) -> Result<(Pickle, usize)> {
    let bytes = &bytes[..bytes.len().min(MAX_BYTES)];
    let mut machine = Machine::new(bytes);
    let root = machine.run();
    let length = machine.input.at();
    let root = root.map_err(|reason| match reason {
        TRUNCATED => cut_short(&format!("its pickle breaks off after {length} bytes")),
        _ => Error::new(format!("{reason} at byte {length} of the pickle")),
    })?;
    Ok((Pickle::new(machine.items, root, length), length))
}

struct Machine<'a> {
    input: Reader<'a>,
    /// How many more bytes of memory may be made.
    left: Budget,
    items: Vec<Item>,
    stack: Vec<Id>,
    /// Heights of the stack at the open marks.
    marks: Vec<usize>,
    memo: BTreeMap<u64, Id>,
}

impl<'a> Machine<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        let made = MADE_ANYHOW + MADE_PER_BYTE * bytes.len() as u64;
        Self {
            input: Reader::new(bytes),
            left: Budget::new(made.min(MAX_MADE)),
            items: Vec::new(),
            stack: Vec::new(),
            marks: Vec::new(),
            memo: BTreeMap::new(),
        }
    }

    /// Counts `bytes` of memory that are to be made.
    fn make(&mut self, bytes: usize) -> Result<(), Malformed> {
        self.left.take(bytes as u64).map_err(|_| "more values than in any model,")
    }

    fn run(&mut self) -> Result<Id, Malformed> {
        loop {
            match self.input.byte()? {
                b'.' => return self.pop(),
                code => self.step(code)?,
            }
        }
    }

    fn step(&mut self, code: u8) -> Result<(), Malformed> {
        match code {
            0x80 => self.protocol(),
            0x95 => self.input.take(8).map(drop), // FRAME: its length says nothing new
            b'(' => self.mark(),
            b'0' => self.discard(),
            b'1' => self.pop_mark().map(drop),
            b'2' => self.duplicate(),
            b'N' | 0x88 | 0x89 | b'I' | b'L' | b'J' | b'K' | b'M' | 0x8a | 0x8b | b'F' | b'G' => {
                self.scalar(code)
            }
            b'S' | b'T' | b'U' | b'V' | b'X' | 0x8c | 0x8d => self.string(code),
            b'B' | b'C' | 0x8e | 0x96 => self.binary(code),
            b']' | b'}' | b')' | 0x8f | b'l' | b'd' | b't' | 0x85..=0x87 | 0x91 => self.container(code),
            b'a' | b'e' | b's' | b'u' | 0x90 => self.fill(code),
            b'p' | b'q' | b'r' | 0x94 => self.put(code),
            b'g' | b'h' | b'j' => self.get(code),
            b'c' | 0x93 | b'i' | b'o' | b'R' | 0x81 | 0x92 | b'b' => self.object(code),
            b'P' | b'Q' => self.persistent(code),
            0x82..=0x84 => Err("an entry of the extension registry, which nobody can look up,"),
            0x97 | 0x98 => Err("an out-of-band buffer, which is not in the file,"),
            _ => Err("an unknown opcode"),
        }
    }

    fn protocol(&mut self) -> Result<(), Malformed> {
        if self.input.byte()? <= 5 { Ok(()) } else { Err("an unknown pickle protocol") }
    }

    fn mark(&mut self) -> Result<(), Malformed> {
        self.make(MARK)?;
        self.marks.push(self.stack.len());
        Ok(())
    }

    // Values without parts.

    fn scalar(&mut self, code: u8) -> Result<(), Malformed> {
        let item = match code {
            b'N' => Item::None,
            0x88 => Item::Bool(true),
            0x89 => Item::Bool(false),
            b'I' => integer_or_bool(self.input.line()?)?,
            b'L' => integer(self.input.line()?.trim_end_matches('L'))?,
            b'J' => Item::Int(i64::from(i32::from_le_bytes(self.input.array()?))),
            b'K' => Item::Int(i64::from(self.input.byte()?)),
            b'M' => Item::Int(i64::from(u16::from_le_bytes(self.input.array()?))),
            0x8a => self.long(Width::One)?,
            0x8b => self.long(Width::Four)?,
            b'F' => Item::Float(self.input.line()?.trim().parse().map_err(|_| "a malformed number")?),
            _ => Item::Float(f64::from_be_bytes(self.input.array()?)),
        };
        self.push(item)
    }

    /// A whole number of any length, little-endian two's complement.
    fn long(&mut self, width: Width) -> Result<Item, Malformed> {
        let bytes = self.input.sized(width)?;
        if bytes.len() > 8 {
            return Ok(Item::HugeInt);
        }
        let fill = if bytes.last().is_some_and(|last| *last >= 0x80) { 0xff } else { 0 };
        let mut whole = [fill; 8];
        whole[..bytes.len()].copy_from_slice(bytes);
        Ok(Item::Int(i64::from_le_bytes(whole)))
    }

    fn string(&mut self, code: u8) -> Result<(), Malformed> {
        let text = match code {
            b'S' => unquoted(self.input.line()?)?,
            b'V' => unescaped(self.input.raw_line()?)?,
            b'T' => String::from_utf8_lossy(self.input.sized(Width::Four)?).into_owned(),
            b'U' => String::from_utf8_lossy(self.input.sized(Width::One)?).into_owned(),
            b'X' => utf8(self.input.sized(Width::Four)?)?,
            0x8c => utf8(self.input.sized(Width::One)?)?,
            _ => utf8(self.input.sized(Width::Eight)?)?,
        };
        self.push(Item::Str(text))
    }

    fn binary(&mut self, code: u8) -> Result<(), Malformed> {
        let width = match code {
            b'C' => Width::One,
            b'B' => Width::Four,
            _ => Width::Eight,
        };
        self.input.sized(width)?;
        self.push(Item::Bytes)
    }

    // Values with parts.

    fn container(&mut self, code: u8) -> Result<(), Malformed> {
        let item = match code {
            b']' => Item::List(Vec::new()),
            b'}' => Item::Dict(Vec::new()),
            b')' => Item::Tuple(Vec::new()),
            0x8f => Item::Set(Vec::new()),
            b'l' => Item::List(self.pop_mark()?),
            b'd' => Item::Dict(pairs(&self.pop_mark()?)?),
            b't' => Item::Tuple(self.pop_mark()?),
            0x91 => Item::Set(self.pop_mark()?),
            _ => Item::Tuple(self.pop_many(usize::from(code - 0x84))?),
        };
        self.push(item)
    }

    /// Adds to the container on top of the stack.
    fn fill(&mut self, code: u8) -> Result<(), Malformed> {
        let parts = match code {
            b'a' => self.pop_many(1)?,
            b's' => self.pop_many(2)?,
            _ => self.pop_mark()?,
        };
        self.make(size_of_val(&parts[..]))?;
        let target = self.top()?;
        match (&mut self.items[target.index()], code) {
            (Item::List(list), b'a' | b'e') | (Item::Set(list), 0x90) => list.extend(parts),
            (Item::Dict(entries), b's' | b'u') => entries.extend(pairs(&parts)?),
            (Item::Object(object), b'a' | b'e' | 0x90) => object.elements.extend(parts),
            (Item::Object(object), b's' | b'u') => object.entries.extend(pairs(&parts)?),
            _ => return Err("something added to a value that holds nothing"),
        }
        Ok(())
    }

    fn object(&mut self, code: u8) -> Result<(), Malformed> {
        match code {
            b'c' => self.global(),
            0x93 => self.stack_global(),
            b'i' => self.instance(),
            b'o' => self.call_marked(),
            b'R' | 0x81 => self.call(),
            0x92 => self.call_with_names(),
            _ => self.build(),
        }
    }

    fn global(&mut self) -> Result<(), Malformed> {
        let module = name(self.input.line()?)?;
        let name = name(self.input.line()?)?;
        self.push(Item::Global(Box::new(Global { module, name })))
    }

    fn stack_global(&mut self) -> Result<(), Malformed> {
        let parts = self.pop_many(2)?;
        match [&self.items[parts[0].index()], &self.items[parts[1].index()]] {
            [Item::Str(module), Item::Str(own)] => {
                let global = Global { module: name(module)?, name: name(own)? };
                self.push(Item::Global(Box::new(global)))
            }
            _ => Err("a class whose name is not text"),
        }
    }

    /// `INST`: the class by name, the arguments since the mark.
    fn instance(&mut self) -> Result<(), Malformed> {
        let args = self.pop_mark()?;
        self.global()?;
        let callable = self.pop()?;
        let args = self.add(Item::Tuple(args))?;
        self.push(Item::Object(Box::new(Object::new(callable, args))))
    }

    /// `OBJ`: the class and its arguments since the mark.
    fn call_marked(&mut self) -> Result<(), Malformed> {
        let mut args = self.pop_mark()?.into_iter();
        let callable = args.next().ok_or("an object without a class")?;
        let args = self.add(Item::Tuple(args.collect()))?;
        self.push(Item::Object(Box::new(Object::new(callable, args))))
    }

    fn call(&mut self) -> Result<(), Malformed> {
        let parts = self.pop_many(2)?;
        if !matches!(self.items[parts[1].index()], Item::Tuple(_)) {
            return Err("arguments that are not a tuple");
        }
        self.push(Item::Object(Box::new(Object::new(parts[0], parts[1]))))
    }

    fn call_with_names(&mut self) -> Result<(), Malformed> {
        self.pop()?; // keyword arguments: no object that counts here has any
        self.call()
    }

    fn build(&mut self) -> Result<(), Malformed> {
        let state = self.pop()?;
        let target = self.top()?;
        match &mut self.items[target.index()] {
            Item::Object(object) => object.state = Some(state),
            _ => return Err("a state for something that is not an object"),
        }
        Ok(())
    }

    fn persistent(&mut self, code: u8) -> Result<(), Malformed> {
        let id = match code {
            b'Q' => self.pop()?,
            _ => {
                let text = self.input.line()?.to_owned();
                self.add(Item::Str(text))?
            }
        };
        self.push(Item::Persistent(id))
    }

    // The memo.

    fn put(&mut self, code: u8) -> Result<(), Malformed> {
        let slot = match code {
            0x94 => self.memo.len() as u64,
            _ => self.slot(code == b'p', code == b'q')?,
        };
        let top = self.top()?;
        self.make(MEMO)?;
        self.memo.insert(slot, top);
        Ok(())
    }

    fn get(&mut self, code: u8) -> Result<(), Malformed> {
        let slot = self.slot(code == b'g', code == b'h')?;
        let id = *self.memo.get(&slot).ok_or("a memo that was never put")?;
        self.lay(id)
    }

    fn slot(&mut self, text: bool, short: bool) -> Result<u64, Malformed> {
        match (text, short) {
            (true, _) => self.input.line()?.trim().parse().map_err(|_| "a malformed memo number"),
            (_, true) => Ok(u64::from(self.input.byte()?)),
            _ => Ok(u64::from(u32::from_le_bytes(self.input.array()?))),
        }
    }

    // The stack.

    fn add(&mut self, item: Item) -> Result<Id, Malformed> {
        self.make(item.bytes())?;
        let id = Id::new(self.items.len());
        self.items.push(item);
        Ok(id)
    }

    fn push(&mut self, item: Item) -> Result<(), Malformed> {
        let id = self.add(item)?;
        self.lay(id)
    }

    /// Lays an item on the stack.
    fn lay(&mut self, id: Id) -> Result<(), Malformed> {
        self.make(size_of::<Id>())?;
        self.stack.push(id);
        Ok(())
    }

    /// Where the innermost mark stands: nothing below it may be taken.
    fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    fn top(&self) -> Result<Id, Malformed> {
        self.stack[self.floor()..].last().copied().ok_or("an empty stack")
    }

    fn pop(&mut self) -> Result<Id, Malformed> {
        let top = self.top()?;
        self.stack.pop();
        Ok(top)
    }

    fn pop_many(&mut self, count: usize) -> Result<Vec<Id>, Malformed> {
        if self.stack.len() - self.floor() < count {
            return Err("an empty stack");
        }
        Ok(self.stack.split_off(self.stack.len() - count))
    }

    fn pop_mark(&mut self) -> Result<Vec<Id>, Malformed> {
        let mark = self.marks.pop().ok_or("a mark that was never set")?;
        Ok(self.stack.split_off(mark))
    }

    /// `POP` takes a mark where that is what lies on top.
    fn discard(&mut self) -> Result<(), Malformed> {
        if self.marks.last() == Some(&self.stack.len()) {
            self.marks.pop();
            return Ok(());
        }
        self.pop().map(drop)
    }

    fn duplicate(&mut self) -> Result<(), Malformed> {
        let top = self.top()?;
        self.lay(top)
    }
}

fn pairs(parts: &[Id]) -> Result<Vec<(Id, Id)>, Malformed> {
    let (pairs, rest) = parts.as_chunks::<2>();
    if rest.is_empty() {
        Ok(pairs.iter().map(|[key, value]| (*key, *value)).collect())
    } else {
        Err("a key without a value")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn error(bytes: &[u8]) -> String {
        parse(bytes).unwrap_err().to_string()
    }

    /// `pickle.dumps({"a": [1, 2.5, None, True, "é"], "b": (1, (2, 3), b"x")}, protocol)`, 0 to 5.
    const SAME_IN_ALL_PROTOCOLS: [&[u8]; 6] = [
        include_bytes!("../../tests/fixtures/weights/protocol0.pickle"),
        include_bytes!("../../tests/fixtures/weights/protocol1.pickle"),
        include_bytes!("../../tests/fixtures/weights/protocol2.pickle"),
        include_bytes!("../../tests/fixtures/weights/protocol3.pickle"),
        include_bytes!("../../tests/fixtures/weights/protocol4.pickle"),
        include_bytes!("../../tests/fixtures/weights/protocol5.pickle"),
    ];

    #[test]
    fn all_protocols_give_the_same() {
        for bytes in SAME_IN_ALL_PROTOCOLS {
            let pickle = parse(bytes).unwrap();
            let list = pickle.root().get("a").unwrap();
            let list: Vec<_> = list.elements().collect();
            assert_eq!((list[0].int(), list[1].float(), list[2].is_none()), (Some(1), Some(2.5), true));
            assert_eq!((list[3].bool(), list[4].str()), (Some(true), Some("é")));
            let tuple: Vec<_> = pickle.root().get("b").unwrap().elements().collect();
            assert_eq!(tuple[1].elements().filter_map(|item| item.int()).collect::<Vec<_>>(), [2, 3]);
        }
    }

    #[test]
    fn long_numbers_have_a_sign() {
        let int = |bytes: &[u8]| parse(bytes).unwrap().root().int();
        assert_eq!(int(b"\x80\x02\x8a\x02\x00\xff."), Some(-256));
        assert_eq!(int(b"\x80\x02\x8a\x05\x00\x00\x00\x00\x01."), Some(1 << 32));
        assert_eq!(int(b"\x80\x02\x8a\x00."), Some(0));
        assert_eq!(int(b"\x80\x02\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x00\x01."), None);
    }

    #[test]
    fn a_call_stays_a_call() {
        let pickle = parse(b"cos\nsystem\n(S'echo hi'\ntR.").unwrap();
        assert_eq!(pickle.root().class(), Some(("os", "system")));
        assert_eq!(pickle.root().args().next().unwrap().str(), Some("echo hi"));
    }

    #[test]
    fn a_list_may_hold_itself() {
        let pickle = parse(b"]q\x00h\x00a.").unwrap();
        let inner = pickle.root().elements().next().unwrap();
        assert_eq!(inner.elements().count(), 1);
    }

    #[test]
    fn faults_name_their_place() {
        assert_eq!(error(b""), "it is cut short or damaged: its pickle breaks off after 0 bytes");
        assert_eq!(error(b"\x80\x09."), "an unknown pickle protocol at byte 2 of the pickle");
        assert_eq!(error(b"h\x07."), "a memo that was never put at byte 2 of the pickle");
        assert_eq!(
            error(b"X\xff\xff\xff\xffabc"),
            "it is cut short or damaged: its pickle breaks off after 5 bytes"
        );
        assert_eq!(error(b"(K\x01d."), "a key without a value at byte 4 of the pickle");
        assert_eq!(
            error(b"K\x01K\x02a."),
            "something added to a value that holds nothing at byte 5 of the pickle"
        );
        assert_eq!(error(b"N(0R."), "an empty stack at byte 4 of the pickle");
        assert_eq!(error(b"N(a."), "an empty stack at byte 3 of the pickle");
        assert_eq!(error(b"\xff."), "an unknown opcode at byte 1 of the pickle");
    }

    /// However little it takes to ask for something more.
    #[test]
    fn much_of_little_is_refused() {
        let many = MAX_BYTES - 2000;
        let long_name = [b"X\xff\x01\0\0".as_slice(), &[b'n'; 511], b"q\0"].concat();
        for (start, again) in [
            (&b""[..], &b"N"[..]),
            (b"", b"("),
            (b"N", b"\x94"),
            (b"N", b")R"),
            (&long_name, b"h\0h\0\x93"),
            (b"]", b"(NNe"),
        ] {
            let bytes = [start, &again.repeat(many / again.len()), b"."].concat();
            let error = error(&bytes);
            assert!(error.starts_with("more values than in any model"), "{again:?}: {error}");
        }
    }

    #[test]
    fn a_pickle_has_an_end_and_a_length() {
        let (pickle, length) = parse_first(b"K\x07.and more").unwrap();
        assert_eq!((pickle.root().int(), length), (Some(7), 3));
    }

    #[test]
    fn looks_are_counted() {
        let shared = [b"(".as_slice(), &b"N".repeat(1000), b"tq\0]".as_slice()].concat();
        let pickle = parse(&[&shared[..], &b"h\0a".repeat(1000), b"."].concat()).unwrap();
        assert!(pickle.root().elements().count() == 1000 && pickle.seen().is_ok());
        let all: usize = pickle.root().elements().map(|tuple| tuple.elements().count()).sum();
        assert!(all < 1_000_000 && pickle.seen().is_err() && pickle.root().elements().next().is_none());
    }

    #[test]
    fn deep_nesting_needs_no_stack() {
        let mut bytes = b"]".repeat(1_000_000);
        bytes.extend(b"a".repeat(999_999));
        bytes.push(b'.');
        assert_eq!(parse(&bytes).unwrap().root().elements().count(), 1);
    }

    proptest! {
        #[test]
        fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&bytes);
        }

        #[test]
        fn random_opcodes_never_panic(bytes in prop::collection::vec(prop::sample::select(
            b"N\x88\x89K\x01]})\x8f(0122ldt\x85\x86\x87aesu\x90pqh\x00\x94R\x81b\x93oQ.".to_vec()), 0..400)) {
            let _ = parse(&bytes);
        }
    }
}
