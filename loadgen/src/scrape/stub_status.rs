//! NGINX's `stub_status` page: the third number of its third line is the requests it took.

/// The total of requests, or what is missing. The read that fetched the page is in it.
pub fn stub_status(text: &str) -> Result<u64, &'static str> {
    let mut lines = text.lines().map(str::trim);
    if !lines
        .next()
        .is_some_and(|line| line.starts_with("Active connections:"))
    {
        return Err("it does not begin with `Active connections:`");
    }
    let header = lines.next().unwrap_or_default();
    if !header.starts_with("server accepts handled requests") {
        return Err("its second line is not `server accepts handled requests`");
    }
    let numbers: Vec<u64> = lines
        .next()
        .unwrap_or_default()
        .split_ascii_whitespace()
        .map_while(|word| word.parse().ok())
        .collect();
    // Some builds add a request time after the three.
    numbers
        .get(2)
        .copied()
        .ok_or("its third line does not hold three numbers")
}

#[cfg(test)]
mod tests {
    use super::stub_status;

    #[test]
    fn the_third_number_is_the_requests() {
        let page = "Active connections: 2 \nserver accepts handled requests\n 12 12 345 \nReading: 0 Writing: 1 Waiting: 1 \n";
        assert_eq!(stub_status(page), Ok(345));
    }

    #[test]
    fn another_page_is_refused_with_what_is_missing() {
        for page in [
            "",
            "<html>",
            "Active connections: 2\nserver accepts handled requests\n 1 2\n",
            "Active connections: 2\n 1 2 3\n",
        ] {
            assert!(stub_status(page).is_err(), "{page}");
        }
    }
}
