//! What a pickle holds, and a safe way to look at it.

use std::cell::Cell;

use crate::budget::{Budget, Spent};

/// The place of an item in its pickle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Id(u32);

impl Id {
    pub(super) fn new(index: usize) -> Self {
        Self(u32::try_from(index).expect("a pickle has fewer items than 2³²"))
    }

    pub(super) fn index(self) -> usize {
        self.0 as usize
    }
}

/// One value; its parts are other items of the same pickle.
#[derive(Debug)]
pub(super) enum Item {
    /// Python's `None`.
    None,
    /// Python's `True` or `False`.
    Bool(bool),
    /// A whole number of up to 64 bits.
    Int(i64),
    /// A whole number of more bits: none that counts here.
    HugeInt,
    /// A floating-point number.
    Float(f64),
    /// A text (`str`).
    Str(String),
    /// Bytes: none that count here.
    Bytes,
    /// A list of items.
    List(Vec<Id>),
    /// A tuple of items.
    Tuple(Vec<Id>),
    /// A set of items.
    Set(Vec<Id>),
    /// A dict, in order.
    Dict(Vec<(Id, Id)>),
    /// A class or function, by name only.
    Global(Box<Global>),
    /// What a call would have made.
    Object(Box<Object>),
    /// What lies outside the pickle, e.g. a tensor's storage.
    Persistent(Id),
}

/// A class or function.
#[derive(Debug)]
pub(super) struct Global {
    /// The Python module that it is from, e.g. `torch.nn.modules.conv`.
    pub module: String,
    /// What it is called there, e.g. `Conv2d`.
    pub name: String,
}

impl Item {
    /// About how many bytes of memory it takes.
    pub(super) fn bytes(&self) -> usize {
        let parts = |count: usize| count * size_of::<Id>();
        let more = match self {
            Self::Str(text) => text.len(),
            Self::List(ids) | Self::Tuple(ids) | Self::Set(ids) => parts(ids.len()),
            Self::Dict(entries) => parts(2 * entries.len()),
            Self::Global(global) => size_of::<Global>() + global.module.len() + global.name.len(),
            Self::Object(_) => size_of::<Object>(),
            _ => 0,
        };
        size_of::<Self>() + more
    }
}

/// A call that was not made, and what would have been done to its result.
#[derive(Debug)]
pub(super) struct Object {
    /// What would have been called.
    pub callable: Id,
    /// The tuple that it would have been called with.
    pub args: Id,
    /// What the result's `__setstate__` would have been given.
    pub state: Option<Id>,
    /// What would have been set by key.
    pub entries: Vec<(Id, Id)>,
    /// What would have been appended.
    pub elements: Vec<Id>,
}

impl Object {
    pub(super) fn new(callable: Id, args: Id) -> Self {
        Self { callable, args, state: None, entries: Vec::new(), elements: Vec::new() }
    }
}

/// A pickle that was read.
#[derive(Debug)]
pub(super) struct Pickle {
    items: Vec<Item>,
    root: Id,
    /// How many more parts may be looked at.
    looks: Cell<Budget>,
}

/// A part may be a part of many others: whoever walks them could look for ever at little. A walk over what
/// training programs write looks about once a byte.
const LOOKS_PER_BYTE: u64 = 8;
const LOOKS: u64 = 100_000;

impl Pickle {
    /// These items, of a pickle of `size` bytes.
    pub(super) fn new(items: Vec<Item>, root: Id, size: usize) -> Self {
        Self { items, root, looks: Cell::new(Budget::new(LOOKS + LOOKS_PER_BYTE * size as u64)) }
    }

    /// The value that was pickled.
    pub(super) fn root(&self) -> View<'_> {
        self.view(self.root)
    }

    /// All that lies outside the pickle.
    pub(super) fn persistents(&self) -> impl Iterator<Item = View<'_>> {
        let views = (0..self.items.len()).map(|index| self.view(Id::new(index)));
        views.filter(|view| matches!(view.item(), Item::Persistent(_)))
    }

    /// Whether everything was seen that was looked for: who looks more often than the pickle's size allows
    /// sees no more parts.
    ///
    /// # Errors
    /// If not.
    pub(super) fn seen(&self) -> Result<(), Spent> {
        self.looks.get().take(1)
    }

    fn look(&self) -> bool {
        let mut looks = self.looks.get();
        let seen = looks.take(1);
        self.looks.set(looks);
        seen.is_ok()
    }

    fn view(&self, id: Id) -> View<'_> {
        View { pickle: self, id }
    }
}

/// A look at one item. Looking never recurses, and looks at parts are counted ([`Pickle::seen`]); who follows
/// parts must bound the depth, as a part may contain its whole.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pickle: &'a Pickle,
    id: Id,
}

impl<'a> View<'a> {
    fn item(self) -> &'a Item {
        &self.pickle.items[self.id.index()]
    }

    fn views(self, ids: &'a [Id]) -> impl Iterator<Item = View<'a>> + use<'a> {
        ids.iter().take_while(move |_| self.pickle.look()).map(move |id| self.pickle.view(*id))
    }

    /// Whether it is `None`.
    pub(super) fn is_none(self) -> bool {
        matches!(self.item(), Item::None)
    }

    /// The text, if it is text.
    pub(super) fn str(self) -> Option<&'a str> {
        if let Item::Str(text) = self.item() { Some(text) } else { None }
    }

    /// The whole number, if it is one of up to 64 bits.
    pub(super) fn int(self) -> Option<i64> {
        if let Item::Int(value) = self.item() { Some(*value) } else { None }
    }

    /// The whole number, if it is one and not negative.
    pub(super) fn size(self) -> Option<usize> {
        self.int().and_then(|value| usize::try_from(value).ok())
    }

    /// The number, if it is one.
    pub(super) fn float(self) -> Option<f64> {
        match self.item() {
            Item::Float(value) => Some(*value),
            Item::Int(value) => Some(*value as f64),
            _ => None,
        }
    }

    /// The flag, if it is one.
    pub(super) fn bool(self) -> Option<bool> {
        if let Item::Bool(value) = self.item() { Some(*value) } else { None }
    }

    /// What the persistent id names, if it is one.
    pub(super) fn persistent(self) -> Option<View<'a>> {
        if let Item::Persistent(id) = self.item() { Some(self.pickle.view(*id)) } else { None }
    }

    /// Module and name, if it is a class or a function.
    pub(super) fn global(self) -> Option<(&'a str, &'a str)> {
        if let Item::Global(global) = self.item() { Some((&global.module, &global.name)) } else { None }
    }

    fn object(self) -> Option<&'a Object> {
        if let Item::Object(object) = self.item() { Some(object) } else { None }
    }

    /// Module and name of what would have made the object.
    pub(super) fn class(self) -> Option<(&'a str, &'a str)> {
        self.pickle.view(self.object()?.callable).global()
    }

    /// The arguments of the call that would have made the object.
    pub(super) fn args(self) -> impl Iterator<Item = View<'a>> + use<'a> {
        let args = self.object().map(|object| self.pickle.view(object.args));
        args.into_iter().flat_map(View::elements)
    }

    /// An attribute of the object.
    pub(super) fn attribute(self, name: &str) -> Option<View<'a>> {
        self.state()?.get(name)
    }

    /// The attributes of the object, mostly a dict.
    pub(super) fn state(self) -> Option<View<'a>> {
        Some(self.pickle.view(self.object()?.state?))
    }

    /// The parts of a list, tuple or set, in order.
    pub(super) fn elements(self) -> impl Iterator<Item = View<'a>> + use<'a> {
        let ids: &'a [Id] = match self.item() {
            Item::List(ids) | Item::Tuple(ids) | Item::Set(ids) => ids,
            Item::Object(object) => &object.elements,
            _ => &[],
        };
        self.views(ids)
    }

    /// Whether it is a list or a tuple.
    pub(super) fn is_sequence(self) -> bool {
        matches!(self.item(), Item::List(_) | Item::Tuple(_))
    }

    /// Whether it is a dict, or an object that is filled like one (`OrderedDict`).
    pub(super) fn is_mapping(self) -> bool {
        matches!(self.item(), Item::Dict(_)) || self.class() == Some(("collections", "OrderedDict"))
    }

    /// The entries of a dict or of what is filled like one, in order. `OrderedDict`s of protocols 0
    /// and 1 are made by a call with a list of pairs.
    pub(super) fn entries(self) -> impl Iterator<Item = (View<'a>, View<'a>)> + use<'a> {
        let filled: &'a [(Id, Id)] = match self.item() {
            Item::Dict(entries) => entries,
            Item::Object(object) => &object.entries,
            _ => &[],
        };
        let called = self.is_mapping().then(|| self.args().next()).flatten();
        let called = called.into_iter().flat_map(View::elements).filter_map(|pair| {
            let mut parts = pair.elements();
            Some((parts.next()?, parts.next()?))
        });
        let filled = filled.iter().take_while(move |_| self.pickle.look());
        called.chain(filled.map(move |(key, value)| (self.pickle.view(*key), self.pickle.view(*value))))
    }

    /// The entry of a dict whose key is the text `key`; the last one, as in Python.
    pub(super) fn get(self, key: &str) -> Option<View<'a>> {
        self.entries().filter(|(name, _)| name.str() == Some(key)).last().map(|(_, value)| value)
    }
}
