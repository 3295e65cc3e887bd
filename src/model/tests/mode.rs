use crate::model::mode::Control;
use crate::model::mode::Mode;
use crate::model::mode::Rule;

#[test]
fn every_rule_stands_at_its_index_and_is_called_after_its_control() {
    for (index, rule) in Rule::ALL.iter().enumerate() {
        assert_eq!(rule.index(), index, "{}", rule.as_str());
        let control = rule.control().as_str();
        let rest = rule.as_str().strip_prefix(control).unwrap();
        assert!(rest.is_empty() || rest.starts_with('.'), "{}", rule.as_str());
        assert_eq!(rest.is_empty(), *rule == Rule::Whole(rule.control()), "{}", rule.as_str());
    }
    for control in Control::ALL {
        assert!(Rule::ALL.contains(&Rule::Whole(control)), "{}", control.as_str());
    }
}

#[test]
fn modes_are_ordered_from_weak_to_strict() {
    assert!(Mode::Disabled < Mode::Shadow && Mode::Shadow < Mode::Enforce);
    assert!(Mode::WORDS.is_sorted_by_key(|(_, mode)| *mode));
}
