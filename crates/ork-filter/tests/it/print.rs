//! A filter is printed as text that means the same.

use ork_core::clock::Timestamp;
use ork_core::state::RunStatus;
use ork_filter::{Bounds, Filter, Is, Moment, Unit};
use proptest::collection::{btree_map, btree_set};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

fn moment() -> impl Strategy<Value = Moment> {
    let units = select(vec![Unit::Second, Unit::Minute, Unit::Hour, Unit::Day, Unit::Week]);
    prop_oneof![
        (any::<u32>(), units).prop_map(|(number, unit)| Moment::Ago(number, unit)),
        (0..253_402_207_200_000_000_i64).prop_map(|micros| Moment::At(Timestamp::from_micros(micros))),
        (0..2_000_000_i64).prop_map(|day| Moment::At(Timestamp::from_micros(day * 86_400_000_000))),
    ]
}

fn bounds() -> impl Strategy<Value = Bounds> {
    (option::of(moment()), option::of(moment())).prop_map(|(from, until)| Bounds { from, until })
}

prop_compose! {
    fn filters()(
        statuses in btree_set(select(RunStatus::ALL), 0..4),
        is in btree_set(select(Is::ALL.to_vec()), 0..3),
        name in option::of("[A-Za-z0-9._-]{1,20}"),
        owner in option::of(any::<String>()),
        labels in btree_map("[A-Za-z0-9._-]{1,9}", any::<String>(), 0..4),
        (created, started, finished) in (bounds(), bounds(), bounds()),
    ) -> Filter {
        Filter { statuses, is, name, owner, labels, created, started, finished }
    }
}

proptest! {
    #[test]
    fn what_is_printed_means_the_same(filter in filters()) {
        let text = filter.to_string();
        prop_assert_eq!(text.parse::<Filter>(), Ok(filter), "{}", text);
    }
}
