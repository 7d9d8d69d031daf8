//! A verification as JUnit's XML, which CI systems read.

use super::row::Row;
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use std::collections::BTreeMap;
use std::time::Duration;

/// Returns the XML, with a suite for each engine and a case for each model.
pub(super) fn junit(rows: &[Row<'_>]) -> Result<String, String> {
    let mut suites: BTreeMap<&str, TestSuite> = BTreeMap::new();
    for row in rows {
        let status = if row.ok {
            TestCaseStatus::success()
        } else {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            let missed = row.mutants_missed.iter().map(String::as_str);
            let text: Vec<&str> = core::iter::once(row.detail.as_str()).chain(missed).collect();
            status.set_message(row.verdict).set_description(text.join("\n"));
            status
        };
        let mut case = TestCase::new(row.model, status);
        case.set_classname(format!("selvedge.{}", row.engine)).set_time(Duration::from_secs_f64(row.seconds));
        suites.entry(row.engine).or_insert_with(|| TestSuite::new(row.engine)).add_test_case(case);
    }
    let mut report = Report::new("selvedge verify");
    report.add_test_suites(suites.into_values());
    report.to_string().map_err(|error| format!("the JUnit report cannot be made: {error}"))
}
