//! Results of tests as JUnit's XML, which is what build servers read.

use crate::test::{Case, Outcome};
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

/// A suite that is called after the component, with a case for each script.
pub(crate) fn write(name: &str, cases: &[Case], outcomes: &[Outcome]) -> anyhow::Result<String> {
    let mut suite = TestSuite::new(name);
    for (case, outcome) in cases.iter().zip(outcomes) {
        let status = match outcome {
            Ok(report) if report.passed() => TestCaseStatus::success(),
            Ok(report) => {
                let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
                let text = report.to_string();
                status.set_message(text.lines().next().unwrap_or_default());
                status.set_description(text);
                status
            }
            Err(e) => {
                let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
                status.set_message(e.to_string());
                status
            }
        };
        let mut test = TestCase::new(&case.name, status);
        test.set_classname(name);
        if let Ok(report) = outcome {
            test.set_time(report.time);
            test.set_system_out_lossy(&report.stdout);
            test.set_system_err_lossy(&report.stderr);
        }
        suite.add_test_case(test);
    }
    let mut report = Report::new("sockvirt");
    report.add_test_suite(suite);
    Ok(report.to_string()?)
}
