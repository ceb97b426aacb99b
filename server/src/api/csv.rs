//! Tables for spreadsheets: RFC 4180, and nothing in them that a spreadsheet would run.

/// Says that UTF-8 follows; without it Excel reads names in another character set.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// What makes a spreadsheet take a cell for a formula, as OWASP's "CSV Injection" lists it, full-width forms included.
const FORMULA: [char; 10] = ['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠'];

/// A cell, quoted where it has to be.
pub struct Cell(String);

/// A table that is being written.
pub struct Table(String);

impl Table {
    /// A table with this first row.
    pub fn new(columns: &[&str]) -> Self {
        let mut table = Self(BYTE_ORDER_MARK.to_string());
        table.row(columns.iter().map(|name| text(name)));
        table
    }

    pub fn row(&mut self, cells: impl Iterator<Item = Cell>) {
        for (n, cell) in cells.enumerate() {
            if n > 0 {
                self.0.push(',');
            }
            self.0.push_str(&cell.0);
        }
        self.0.push_str("\r\n");
    }

    pub fn finish(self) -> String {
        self.0
    }
}

/// What somebody may have written: it is shown as it is, and never run.
pub fn text(text: &str) -> Cell {
    // Spreadsheets pass over spaces before a formula.
    let guarded = text.trim_start_matches(' ').starts_with(FORMULA);
    let wants_quotes = guarded || text.contains([',', '"', '\r', '\n']) || text.starts_with(' ') || text.ends_with(' ');
    let guard = if guarded { "'" } else { "" };
    Cell(if wants_quotes { format!("\"{guard}{}\"", text.replace('"', "\"\"")) } else { text.to_owned() })
}

/// A number of ours, in digits; a minus before it is one.
pub fn number(digits: String) -> Cell {
    Cell(digits)
}

impl Cell {
    /// An empty one.
    pub const fn none() -> Self {
        Self(String::new())
    }
}

impl From<i64> for Cell {
    fn from(value: i64) -> Self {
        Self(value.to_string())
    }
}

impl From<Option<i64>> for Cell {
    fn from(value: Option<i64>) -> Self {
        value.map_or_else(Self::none, Self::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cells: Vec<Cell>) -> String {
        let mut table = Table::new(&["a"]);
        table.row(cells.into_iter());
        let all = table.finish();
        all.strip_prefix("\u{feff}a\r\n").expect("the mark and the first row").to_owned()
    }

    #[test]
    fn cells_are_quoted_where_they_have_to_be() {
        let cells =
            vec![text("Flat white"), text("Latte, large"), text("12\" cake"), text("two\nlines"), text(" x"), text("馥芮白"), text("")];
        assert_eq!(row(cells), "Flat white,\"Latte, large\",\"12\"\" cake\",\"two\nlines\",\" x\",馥芮白,\r\n");
    }

    #[test]
    fn no_text_is_a_formula() {
        for dangerous in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1", "  =1"] {
            assert_eq!(row(vec![text(dangerous)]), format!("\"'{dangerous}\"\r\n"));
        }
        assert_eq!(row(vec![text("=HYPERLINK(\"http://x\",\"y\")")]), "\"'=HYPERLINK(\"\"http://x\"\",\"\"y\"\")\"\r\n");
        assert_eq!(row(vec![text("a=b"), text("half-price")]), "a=b,half-price\r\n");
    }

    #[test]
    fn numbers_are_numbers() {
        assert_eq!(row(vec![number("-4.50".to_owned()), 7.into(), None.into(), Some(3).into()]), "-4.50,7,,3\r\n");
    }
}
