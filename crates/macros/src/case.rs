//! Names turned from one case into another.

/// `HTTPServer2` as `http_server2`, `CartV2` as `cart_v2`.
pub(crate) fn snake(camel: &str) -> String {
    let letters: Vec<char> = camel.chars().collect();
    let mut name = String::with_capacity(camel.len() + 4);
    for (at, &letter) in letters.iter().enumerate() {
        let before = at.checked_sub(1).map(|before| letters[before]);
        let starts_word = letter.is_uppercase()
            && before.is_some_and(|before| {
                before != '_'
                    && (!before.is_uppercase()
                        || letters.get(at + 1).is_some_and(|after| after.is_lowercase()))
            });
        if starts_word {
            name.push('_');
        }
        name.extend(letter.to_lowercase());
    }
    name
}

/// `add_item` as `AddItem`.
pub(crate) fn camel(snake: &str) -> String {
    snake
        .split('_')
        .flat_map(|word| {
            let mut letters = word.chars();
            let first = letters.next().into_iter().flat_map(char::to_uppercase);
            first.chain(letters).collect::<Vec<_>>()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_begin_where_a_reader_sees_them() {
        for (camel, expected) in [
            ("Counter", "counter"),
            ("CartItem", "cart_item"),
            ("HTTPServer", "http_server"),
            ("CartV2", "cart_v2"),
            ("Room101", "room101"),
            ("Cart_Item", "cart_item"),
            ("X", "x"),
        ] {
            assert_eq!(snake(camel), expected);
        }
    }

    #[test]
    fn methods_become_type_names() {
        for (snake, expected) in [("add", "Add"), ("add_item", "AddItem"), ("add__2", "Add2")] {
            assert_eq!(camel(snake), expected);
        }
    }
}
