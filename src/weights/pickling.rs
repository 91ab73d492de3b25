//! Pickles as PyTorch writes them, in protocol 2.

/// The bytes of a pickle so far. It needs no memo: nothing in it is there twice.
pub(super) struct Pickling(Vec<u8>);

/// A tensor that lies outside the pickle.
pub(super) struct Stored<'a> {
    /// What its storage is called.
    pub key: usize,
    /// PyTorch's class of storages of its numbers, e.g. `FloatStorage`.
    pub class: &'static str,
    /// Sizes of the dimensions, outermost first.
    pub shape: &'a [usize],
}

const MARK: u8 = b'(';
const TUPLE: u8 = b't';
const REDUCE: u8 = b'R';
const EMPTY_TUPLE: u8 = b')';
const EMPTY_DICT: u8 = b'}';
const NEW_OBJECT: u8 = 0x81;
const SET_ITEMS: u8 = b'u';
const BUILD: u8 = b'b';
const FALSE: u8 = 0x89;
const PERSISTENT: u8 = b'Q';
const STOP: u8 = b'.';

impl Pickling {
    /// Nothing yet.
    pub(super) fn new() -> Self {
        Self(vec![0x80, 2])
    }

    /// An `OrderedDict`, whose entries `fill` adds, and nothing else.
    pub(super) fn dict(mut self, fill: impl FnOnce(&mut Self)) -> Vec<u8> {
        self.ordered_dict();
        self.0.push(MARK);
        fill(&mut self);
        self.0.extend([SET_ITEMS, STOP]);
        self.0
    }

    /// An object of the class `name` of `module`, whose attributes `fill` adds, and nothing else.
    pub(super) fn object(mut self, module: &str, name: &str, fill: impl FnOnce(&mut Self)) -> Vec<u8> {
        self.global(module, name);
        self.0.extend([EMPTY_TUPLE, NEW_OBJECT, EMPTY_DICT, MARK]);
        fill(&mut self);
        self.0.extend([SET_ITEMS, BUILD, STOP]);
        self.0
    }

    /// An empty tuple, and nothing else.
    pub(super) fn empty_tuple(mut self) -> Vec<u8> {
        self.0.extend([EMPTY_TUPLE, STOP]);
        self.0
    }

    /// `False`.
    pub(super) fn no(&mut self) {
        self.0.push(FALSE);
    }

    /// `_rebuild_tensor_v2(storage, 0, shape, strides, False, OrderedDict())`.
    pub(super) fn tensor(&mut self, tensor: &Stored<'_>) {
        self.global("torch._utils", "_rebuild_tensor_v2");
        self.0.push(MARK);
        self.storage(tensor);
        self.int(0);
        self.sizes(tensor.shape);
        self.sizes(&strides(tensor.shape));
        self.no(); // no gradient
        self.ordered_dict();
        self.0.extend([TUPLE, REDUCE]);
    }

    /// The persistent id `("storage", class, key, "cpu", count)`.
    fn storage(&mut self, Stored { key, class, shape }: &Stored<'_>) {
        self.0.push(MARK);
        self.text("storage");
        self.global("torch", class);
        self.text(&key.to_string());
        self.text("cpu");
        self.int(shape.iter().product());
        self.0.extend([TUPLE, PERSISTENT]);
    }

    fn ordered_dict(&mut self) {
        self.global("collections", "OrderedDict");
        self.0.extend([EMPTY_TUPLE, REDUCE]);
    }

    fn global(&mut self, module: &str, name: &str) {
        self.0.extend(format!("c{module}\n{name}\n").into_bytes());
    }

    /// A text.
    pub(super) fn text(&mut self, text: &str) {
        let length = u32::try_from(text.len()).expect("names are shorter than 4 GiB");
        self.0.push(b'X');
        self.0.extend(length.to_le_bytes());
        self.0.extend(text.as_bytes());
    }

    fn sizes(&mut self, sizes: &[usize]) {
        self.0.push(MARK);
        sizes.iter().for_each(|size| self.int(*size));
        self.0.push(TUPLE);
    }

    /// `BININT`, or `LONG1` where that has too few bytes.
    fn int(&mut self, value: usize) {
        if let Ok(value) = i32::try_from(value) {
            self.0.push(b'J');
            self.0.extend(value.to_le_bytes());
        } else {
            self.0.extend([0x8a, 8]);
            self.0.extend((value as u64).to_le_bytes());
        }
    }
}

/// How many places one step along each dimension is, row-major.
fn strides(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis].max(1);
    }
    strides
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strides_are_row_major() {
        assert_eq!(strides(&[2, 3, 4]), [12, 4, 1]);
        assert!(strides(&[]).is_empty());
        assert_eq!(strides(&[3, 0, 2]), [2, 2, 1]);
    }

    #[test]
    fn numbers_beyond_31_bits_are_long() {
        let int = |value| {
            let mut out = Pickling(Vec::new());
            out.int(value);
            out.0.push(STOP);
            super::super::pickle::parse(&out.0).unwrap().root().int()
        };
        for value in [0, 5, i32::MAX as usize, 1 << 31, 1 << 40] {
            assert_eq!(int(value), i64::try_from(value).ok());
        }
    }
}
