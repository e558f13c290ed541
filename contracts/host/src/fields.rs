use core::ops::{Deref, DerefMut};

use alloy_primitives::U256;
use stylus_sdk::{
    host::VM,
    storage::{StorageGuard, StorageGuardMut, StorageType},
};

/// A struct of fields whose slots are part of their types ([`crate::slots`]), as the storage of a program.
#[derive(Debug, Default)]
pub struct Fields<T>(T);

impl<T: Default> StorageType for Fields<T> {
    type Wraps<'a>
        = StorageGuard<'a, Self>
    where
        Self: 'a;
    type WrapsMut<'a>
        = StorageGuardMut<'a, Self>
    where
        Self: 'a;

    const SLOT_BYTES: usize = 32;
    const REQUIRED_SLOTS: usize = 1;

    unsafe fn new(_: U256, _: u8, _: VM) -> Self {
        Self::default()
    }

    fn load<'s>(self) -> Self::Wraps<'s> {
        StorageGuard::new(self)
    }

    fn load_mut<'s>(self) -> Self::WrapsMut<'s> {
        StorageGuardMut::new(self)
    }
}

impl<T> Deref for Fields<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Fields<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}
