//! Tables for people: each column as wide as its widest cell, all to the right but the last.

/// Renders `rows` under `header`.
pub fn render<const N: usize>(header: [&str; N], rows: &[[String; N]]) -> String {
    let width: [usize; N] = std::array::from_fn(|column| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.fold(header[column].chars().count(), usize::max)
    });
    let line = |cells: [&str; N]| {
        let cells = cells.into_iter().zip(width).enumerate();
        let cells: Vec<_> = cells
            .map(|(column, (cell, width))| {
                if column + 1 == N {
                    cell.to_owned()
                } else {
                    format!("{cell:>width$}")
                }
            })
            .collect();
        format!("  {}\n", cells.join("  "))
    };
    let mut text = line(header);
    for row in rows {
        text.push_str(&line(row.each_ref().map(String::as_str)));
    }
    text
}
