//! Tokens in stores, sound and broken.

use std::path::Path;

use oauth_core::{MemoryStore, TokenKey, TokenSource, TokenStore};
use oauth_encrypted_store::{EncryptedStore, KeyRing};
use oauth_file_store::FileStore;
use oauth_testkit::{FaultyStore, StoreFault};

use crate::library::RUNTIME;
use crate::world::{SECRET, STORE_KEY, World};

pub(crate) fn stores(world: &World) {
    let server = world.server().start().unwrap();
    let client = || world.client(&server).client_secret(SECRET).build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let files = || {
        FileStore::open(folder.path().join("tokens"))
            .unwrap()
            .with_clock(world.clock.clone())
    };
    let sealed = || EncryptedStore::new(files(), KeyRing::from_bytes(STORE_KEY));
    let broken = FaultyStore::new(MemoryStore::new(world.clock.clone()), world.clock.clone())
        .with(1.0, StoreFault::Error);
    let stores: [Box<dyn TokenStore>; 4] = [
        Box::new(MemoryStore::new(world.clock.clone())),
        Box::new(files()),
        Box::new(sealed()),
        Box::new(broken),
    ];
    for (number, store) in stores.into_iter().enumerate() {
        let key = TokenKey::builder("secrets").field("number", &number.to_string());
        let source = world.kept(client(), Some((store, key.build())));
        world.live(&server, &source, SECRET);
    }

    // What stands there is not what was put there, or not in a way that can be read.
    let key = client().key();
    let read = |store: Box<dyn TokenStore>| {
        let source = world.kept(client(), Some((store, key)));
        let token = RUNTIME.block_on(source.token()).unwrap();
        world.say(token);
    };
    read(Box::new(files()));
    read(Box::new(sealed()));
    spoil(&folder.path().join("tokens"));
    read(Box::new(files()));
}

/// Each token in a file of the folder becomes something else.
fn spoil(folder: &Path) {
    let mut spoiled = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "token") {
            std::fs::write(&path, format!("{{\"access_token\":\"{SECRET}")).unwrap();
            spoiled += 1;
        }
    }
    assert!(spoiled > 0);
}
