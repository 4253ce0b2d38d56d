//! Which way of asking for a token works through which library. The table in `README.md` is made of what the server
//! saw, and a test compares the two.

use std::fmt::Write as _;

use crate::backend::Library;

/// Makes of each row a test for each library, and `ROWS` of all of them.
macro_rules! rows {
    ($($name:ident $title:literal $play:expr;)*) => {
        $(mod $name {
            use super::*;
            use crate::backend::Library;
            use std::sync::OnceLock;

            /// Each cell is played once in a process, whoever asks for it first.
            pub(super) fn cell(library: Library) -> &'static str {
                static CELLS: [OnceLock<String>; 2] = [const { OnceLock::new() }; 2];
                let play: fn(Backend) -> String = $play;
                let name = concat!("matrix/", stringify!($name));
                CELLS[library as usize].get_or_init(|| play(Backend::new(library, name)))
            }

            #[test]
            fn reqwest() {
                cell(Library::Reqwest);
            }

            #[test]
            fn isahc() {
                cell(Library::Isahc);
            }
        })*

        pub(super) const ROWS: &[Row] = &[$(Row { title: $title, cell: $name::cell }),*];
    };
}

mod rows;

/// One way of asking for a token, and how it went through a library.
struct Row {
    title: &'static str,
    cell: fn(Library) -> &'static str,
}

#[test]
fn the_table_in_the_readme_is_what_happens() {
    const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
    let text = std::fs::read_to_string(README).unwrap();
    let written: Vec<&str> = text.lines().filter(|line| line.starts_with('|')).collect();
    let happened = table();
    assert!(
        written == happened.lines().collect::<Vec<_>>(),
        "README.md has another table; the true one is:\n\n{happened}"
    );
}

/// One line a row; what the server saw is in the cells.
fn table() -> String {
    let mut table = String::from("| asked for | reqwest | isahc |\n| --- | --- | --- |\n");
    for Row { title, cell } in rows::ROWS {
        let [reqwest, isahc] = Library::BOTH.map(cell);
        let _ = writeln!(table, "| {title} | {reqwest} | {isahc} |");
    }
    table
}
