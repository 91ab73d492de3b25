//! What stands before the data of a usual JPEG: one scan of all components, sequential, Huffman-coded, of 8 bits.
//! (ITU-T T.81, annex B.)

use image::metadata::Orientation;

use super::{block::Steps, huffman::Table};

const BASELINE: u8 = 0xC0;
const HUFFMAN_TABLES: u8 = 0xC4;
const START_OF_SCAN: u8 = 0xDA;
const QUANTIZATION_TABLES: u8 = 0xDB;
const RESTART_INTERVAL: u8 = 0xDD;
const APP: u8 = 0xE0;
const COMMENT: u8 = 0xFE;
/// What a baseline scan's header ends with: all 64 coefficients, to the last bit.
const WHOLE: [u8; 3] = [0, 63, 0];
/// How many tables of a kind there may be.
const TABLES: usize = 4;

/// All that is needed to decode the data.
pub(super) struct Header<'a> {
    /// Width and height in pixels; neither is 0.
    pub(super) size: (u32, u32),
    /// One of grey, or luma and two of colour.
    pub(super) components: Vec<Component>,
    /// How many units are coded on their own; 0: all of them together.
    pub(super) restart: usize,
    /// How the picture is to be turned.
    pub(super) orientation: Option<Orientation>,
    /// From the data on to the end of the file.
    pub(super) data: &'a [u8],
}

/// What one component is coded with.
pub(super) struct Component {
    /// How many blocks of a unit lie side by side, and how many rows of them there are.
    pub(super) blocks: (usize, usize),
    pub(super) steps: Steps,
    pub(super) dc: Table,
    pub(super) ac: Table,
}

impl<'a> Header<'a> {
    /// Reads a file's header; nothing if it has anything that is not usual.
    pub(super) fn read(file: &'a [u8]) -> Option<Self> {
        let mut rest = file.strip_prefix(&[0xFF, 0xD8])?;
        let mut read = Segments::default();
        loop {
            let &[0xFF, marker] = take(&mut rest, 2)? else { return None };
            let length = usize::from(number(take(&mut rest, 2)?));
            let segment = take(&mut rest, length.checked_sub(2)?)?;
            match marker {
                START_OF_SCAN => return read.header(segment, rest),
                _ => read.add(marker, segment)?,
            }
        }
    }
}

/// The segments so far.
#[derive(Default)]
struct Segments {
    size: Option<(u32, u32)>,
    /// Name, sampling and number of the quantization table, for each component.
    components: Vec<[u8; 3]>,
    quantization: [Option<[u8; 64]>; TABLES],
    dc: [Option<Table>; TABLES],
    ac: [Option<Table>; TABLES],
    restart: usize,
    orientation: Option<Orientation>,
}

impl Segments {
    /// Adds one; nothing if it is not usual.
    fn add(&mut self, marker: u8, segment: &[u8]) -> Option<()> {
        match marker {
            BASELINE => self.frame(segment),
            HUFFMAN_TABLES => self.huffman(segment),
            QUANTIZATION_TABLES => self.quantization(segment),
            RESTART_INTERVAL if segment.len() == 2 => {
                self.restart = number(segment).into();
                Some(())
            }
            APP..=0xEF => self.application(marker - APP, segment),
            COMMENT => Some(()),
            _ => None,
        }
    }

    fn frame(&mut self, segment: &[u8]) -> Option<()> {
        let (head, components) = segment.split_at_checked(6)?;
        let size = (number(&head[3..5]).into(), number(&head[1..3]).into());
        let components = components.as_chunks::<3>();
        let is_usual = head[0] == 8 && components.1.is_empty() && components.0.len() == usize::from(head[5]);
        if !is_usual || size.0 == 0 || size.1 == 0 || self.size.is_some() {
            return None;
        }
        self.size = Some(size);
        self.components = components.0.to_vec();
        Some(())
    }

    fn huffman(&mut self, mut segment: &[u8]) -> Option<()> {
        while !segment.is_empty() {
            let kind = take(&mut segment, 1)?[0];
            let counts: [u8; 16] = *take(&mut segment, 16)?.first_chunk()?;
            let symbols = take(&mut segment, counts.iter().map(|count| usize::from(*count)).sum())?;
            let place = usize::from(kind & 15);
            match kind >> 4 {
                0 => *self.dc.get_mut(place)? = Some(Table::dc(&counts, symbols)?),
                1 => *self.ac.get_mut(place)? = Some(Table::ac(&counts, symbols)?),
                _ => return None,
            }
        }
        Some(())
    }

    fn quantization(&mut self, segment: &[u8]) -> Option<()> {
        let (tables, rest) = segment.as_chunks::<65>();
        for [place, table @ ..] in tables {
            // Steps of 16 bits have a 1 in the upper half.
            *self.quantization.get_mut(usize::from(*place))? = Some(*table);
        }
        rest.is_empty().then_some(())
    }

    fn application(&mut self, number: u8, segment: &[u8]) -> Option<()> {
        match number {
            // A film's frame lacks its tables.
            0 if segment.len() < 5 || segment.starts_with(b"AVI1\0") => return None,
            1 if segment.starts_with(b"http://ns.adobe.com/xmp/extension/\0") => return None,
            1 if segment.len() > 6 && segment.starts_with(b"Exif\0\0") => {
                self.orientation = Orientation::from_exif_chunk(&segment[6..]);
            }
            // Colours other than the usual.
            14 if segment.starts_with(b"Adobe") && segment.get(11) != Some(&1) => return None,
            _ => {}
        }
        Some(())
    }

    /// All of them together, with the header of the scan and what comes behind it.
    fn header<'a>(mut self, scan: &[u8], data: &'a [u8]) -> Option<Header<'a>> {
        let (&count, scan) = scan.split_first()?;
        let (scan, end) = scan.split_at_checked(2 * usize::from(count))?;
        let chosen = scan.as_chunks::<2>().0;
        if end != WHOLE || !self.is_usual() || chosen.len() != self.components.len() {
            return None;
        }
        let components = self.components.iter().zip(chosen);
        let components = components
            .map(|(component, chosen)| self.component(*component, *chosen))
            .collect::<Option<_>>()?;
        let size = self.size.take()?;
        Some(Header { size, components, restart: self.restart, orientation: self.orientation, data })
    }

    /// Whether the components are of a sampling that is known here, and of the usual colours.
    fn is_usual(&self) -> bool {
        match self.components[..] {
            [[_, 0x11, _]] => true,
            [[b'R', ..], [b'G', ..], [b'B', ..]] => false,
            [[a, luma, _], [b, 0x11, _], [c, 0x11, _]] => {
                matches!(luma, 0x11 | 0x21 | 0x12 | 0x22) && a != b && a != c && b != c
            }
            _ => false,
        }
    }

    fn component(
        &self,
        [name, sampling, quantization]: [u8; 3],
        [chosen, tables]: [u8; 2],
    ) -> Option<Component> {
        let table = |tables: &[Option<Table>; TABLES], place: u8| tables.get(usize::from(place))?.clone();
        (name == chosen).then_some(())?;
        Some(Component {
            blocks: ((sampling >> 4).into(), (sampling & 15).into()),
            steps: Steps::new(self.quantization.get(usize::from(quantization))?.as_ref()?),
            dc: table(&self.dc, tables >> 4)?,
            ac: table(&self.ac, tables & 15)?,
        })
    }
}

/// The first `count` bytes of what is left.
fn take<'a>(rest: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, behind) = rest.split_at_checked(count)?;
    *rest = behind;
    Some(taken)
}

/// A number of two bytes.
fn number(bytes: &[u8]) -> u16 {
    u16::from_be_bytes([bytes[0], bytes[1]])
}
