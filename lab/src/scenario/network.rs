//! How is `[network]` read and written?
//!
//! One latency for all links, and others for pairs of zones, which are counted
//! as they stand in `zones`: what is far apart is a matter of the network, who
//! is near whom a matter of the protocol too.

use toml::de::DeValue;

use super::error::ScenarioError;
use super::print::range;
use super::table::{Source, Value};
use super::units::print_ppm;
use crate::sim::{Between, Network};

/// The keys of `[network]`.
pub(super) const KEYS: [&str; 4] = ["latency", "between", "drop", "duplicate"];

/// Reads the table; `zones` is how many zones there are.
pub(super) fn read(source: Source<'_>, value: &Value<'_>, zones: usize) -> Result<Network, ScenarioError> {
    let table = source.table("[network]", value, &KEYS)?;
    let default = Network::default();
    Ok(Network {
        latency: table.read("latency", default.latency, |source, value| source.range(value))?,
        between: table.read("between", default.between, |source, value| read_between(source, value, zones))?,
        drop_ppm: table.read("drop", default.drop_ppm, |source, value| source.chance(value))?,
        duplicate_ppm: table.read("duplicate", default.duplicate_ppm, |source, value| source.chance(value))?,
    })
}

fn read_between(source: Source<'_>, value: &Value<'_>, zones: usize) -> Result<Vec<Between>, ScenarioError> {
    let shape = "pairs as [{ zones = [1, 2], latency = [\"40ms\", \"60ms\"] }]";
    let DeValue::Array(pairs) = value.get_ref() else { return Err(source.expected(value, shape)) };
    let mut between: Vec<Between> = Vec::new();
    for pair in pairs {
        let DeValue::Table(_) = pair.get_ref() else { return Err(source.expected(pair, shape)) };
        let table = source.table("a pair of zones", pair, &["zones", "latency"])?;
        let named = table.need("zones")?;
        let refuse = |why: String| Err(source.error(&named.span(), why));
        let DeValue::Array(ends) = named.get_ref() else { return Err(source.expected(named, "two zones as [1, 2]")) };
        let [one, other] = &ends[..] else { return Err(source.expected(named, "two zones as [1, 2]")) };
        let (one, other) = (source.small(one)?, source.small(other)?);
        let (near, far) = (one.min(other), one.max(other));
        if near == 0 || far as usize > zones {
            return refuse(format!("\"zones\" names {zones} of them; here they are counted from 1"));
        }
        if near == far {
            return refuse("inside a zone the links have the network's own \"latency\"".into());
        }
        let zones = (near - 1, far - 1);
        if between.iter().any(|known| known.zones == zones) {
            return refuse(format!("the latency between zones {near} and {far} is there twice"));
        }
        between.push(Between { zones, latency: source.range(table.need("latency")?)? });
    }
    Ok(between)
}

/// Writes what differs from the default.
pub(super) fn print(network: &Network, lines: &mut Vec<String>) {
    let default = Network::default();
    if *network == default {
        return;
    }
    lines.push("\n[network]".into());
    if network.latency != default.latency {
        lines.push(format!("latency = {}", range(network.latency)));
    }
    if !network.between.is_empty() {
        let pair = |Between { zones: (one, other), latency }: &Between| {
            format!("{{ zones = [{}, {}], latency = {} }}", one + 1, other + 1, range(*latency))
        };
        lines.push(format!("between = [{}]", network.between.iter().map(pair).collect::<Vec<_>>().join(", ")));
    }
    if network.drop_ppm != default.drop_ppm {
        lines.push(format!("drop = {}", print_ppm(network.drop_ppm)));
    }
    if network.duplicate_ppm != default.duplicate_ppm {
        lines.push(format!("duplicate = {}", print_ppm(network.duplicate_ppm)));
    }
}

#[cfg(test)]
mod tests {
    use quorumscope_core::types::Span;

    use crate::scenario::Scenario;
    use crate::sim::Between;

    const ZONES: &str = "protocol = \"raft\"\nnodes = 3\nzones = [[\"n1\"], [\"n2\"], [\"n3\"]]\n[network]\n";

    fn between(pairs: &str) -> Result<Scenario, String> {
        Scenario::from_toml(&format!("{ZONES}between = {pairs}\n")).map_err(|error| error.to_string())
    }

    #[test]
    fn pairs_of_zones_survive_print_and_read() {
        let pairs = "[{ zones = [2, 1], latency = [\"40ms\", \"60ms\"] }, { zones = [1, 3], latency = \"9ms\" }]";
        let scenario = between(pairs).expect("it is right");
        let millis = Span::from_millis;
        let wanted = [
            Between { zones: (0, 1), latency: (millis(40), millis(60)) },
            Between { zones: (0, 2), latency: (millis(9), millis(9)) },
        ];
        assert_eq!(scenario.network.between, wanted);
        assert_eq!(Scenario::from_toml(&scenario.to_toml()), Ok(scenario));
    }

    #[test]
    fn what_is_no_pair_of_two_zones_is_refused_in_one_line() {
        let pair = |zones: &str| format!("{{ zones = {zones}, latency = \"9ms\" }}");
        let refused = |pairs: String| between(&pairs).expect_err("it is wrong");
        let counted = "line 5: \"zones\" names 3 of them; here they are counted from 1";
        assert_eq!(refused(format!("[{}]", pair("[0, 1]"))), counted);
        assert_eq!(refused(format!("[{}]", pair("[1, 4]"))), counted);
        let own = "line 5: inside a zone the links have the network's own \"latency\"";
        assert_eq!(refused(format!("[{}]", pair("[2, 2]"))), own);
        let twice = refused(format!("[{}, {}]", pair("[1, 2]"), pair("[2, 1]")));
        assert_eq!(twice, "line 5: the latency between zones 1 and 2 is there twice");
        for wrong in ["3", "[3]", "[{ zones = [1, 2] }]", "[{ zones = [1, 2, 3], latency = \"9ms\" }]"] {
            assert!(refused(wrong.into()).starts_with("line 5: "), "{wrong}");
        }
    }
}
