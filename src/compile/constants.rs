//! The constants of one function, each kept once.

use std::hash::{BuildHasher, Hash, Hasher};

use hashbrown::{DefaultHashBuilder, HashTable};

use crate::bytecode::op::MAX_CONST_OPERAND;
use crate::bytecode::proto::Constant;

/// Constants in order of their first use.
#[derive(Default)]
pub(super) struct ConstantPool {
    items: Vec<Constant>,
    places: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

impl ConstantPool {
    /// The index of `constant`, which is added if it is new.
    pub(super) fn add(&mut self, constant: Constant) -> u32 {
        let hash = hash(&self.hasher, &constant);
        if let Some(&index) = self.places.find(hash, |&index| self.items[index as usize] == constant) {
            return index;
        }
        let index = self.items.len() as u32;
        self.items.push(constant);
        let (items, hasher) = (&self.items, &self.hasher);
        self.places.insert_unique(hash, index, |&index| self::hash(hasher, &items[index as usize]));
        index
    }

    /// The index of a string constant.
    pub(super) fn string(&mut self, bytes: &[u8]) -> u32 {
        self.add(Constant::String(bytes.into()))
    }

    /// The index of `constant` if it fits a 16-bit operand.
    pub(super) fn operand(&mut self, constant: Constant) -> Option<u16> {
        as_operand(self.add(constant))
    }

    /// The finished list.
    pub(super) fn into_items(self) -> Box<[Constant]> {
        self.items.into()
    }
}

/// A constant index as a 16-bit operand, if it is small enough.
pub(super) fn as_operand(index: u32) -> Option<u16> {
    (index as usize <= MAX_CONST_OPERAND).then_some(index as u16)
}

fn hash(hasher: &DefaultHashBuilder, constant: &Constant) -> u64 {
    let mut state = hasher.build_hasher();
    std::mem::discriminant(constant).hash(&mut state);
    match constant {
        Constant::Nil => {}
        Constant::Boolean(value) => value.hash(&mut state),
        Constant::Integer(value) => value.hash(&mut state),
        Constant::Float(value) => value.to_bits().hash(&mut state),
        Constant::String(value) => value.hash(&mut state),
        Constant::Type(node) => node.hash(&mut state),
    }
    state.finish()
}
