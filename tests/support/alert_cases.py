"""For each alert of the chart: series under which it fires, and the same a little better, under which it does not.

A case is written for `promtool test rules`: values are a sample a minute, and ``time`` is asked after so many minutes.
"""

from dataclasses import dataclass

HOUR = 60
DASHBOARD = 'namespace="models", pod="dashboard-0"'
MARKET = 'symbol="SOLUSDT", interval="5m"'
SOL = {"symbol": "SOLUSDT", "interval": "5m"}


@dataclass(frozen=True, kw_only=True)
class AlertCase:
    """Series by name and labels with their values, when they are looked at, and the labels of the alert that fires."""

    alert: str
    series: dict[str, str]
    minutes: int
    fires: dict[str, str] | None


def _two(
    alert: str, *, minutes: int, bad: dict[str, str], good: dict[str, str], labels: dict[str, str] | None = None
) -> tuple[AlertCase, AlertCase]:
    return (
        AlertCase(alert=alert, series=bad, minutes=minutes, fires=labels or {}),
        AlertCase(alert=alert, series=good, minutes=minutes, fires=None),
    )


def _for(count: int, value: object) -> str:
    return f"{value}x{count}"


def alert_cases(cron_job: str) -> tuple[AlertCase, ...]:
    """The cases of the chart's alerts, with the limits of ``ci/dashboard-values.yaml``.

    Parameters
    ----------
    cron_job : name of the CronJob of its run.
    """
    job = f'namespace="models", job_name="{cron_job}-1"'
    owner = f'kube_job_owner{{{job}, owner_kind="CronJob", owner_name="{cron_job}"}}'
    failed = f'kube_job_failed{{{job}, condition="true"}}'
    last_success = f'kube_cronjob_status_last_successful_time{{namespace="models", cronjob="{cron_job}"}}'
    read_at = f"lorentzian_dashboard_index_read_timestamp_seconds{{{DASHBOARD}}}"
    other = 'lorentzian_dashboard_index_read_timestamp_seconds{namespace="another"}'
    created = f"lorentzian_newest_run_created_timestamp_seconds{{{DASHBOARD}, {MARKET}}}"
    running = f"lorentzian_running_run_created_timestamp_seconds{{{DASHBOARD}, {MARKET}}}"
    lost = f'lorentzian_newest_run_windows{{{DASHBOARD}, {MARKET}, state="failed"}}'
    outside = f'lorentzian_release_outside{{{DASHBOARD}, venue="binance-perp", {MARKET}}}'
    exit_code = f'lorentzian_job_exit_code{{job="weekly", venue="binance-perp", {MARKET}, window="3"}}'
    venue = {"venue": "binance-perp", **SOL}
    overdue, stuck = 200 * HOUR, 60 * HOUR
    return (
        *_two(
            "LorentzianRunFailed",
            minutes=1,
            bad={owner: _for(1, 1), failed: _for(1, 1)},
            good={owner: _for(1, 1), failed: _for(1, 0)},
            labels={"namespace": "models", "job_name": f"{cron_job}-1", "owner_name": cron_job, "condition": "true"},
        ),
        *_two(
            "LorentzianRunOverdue",
            minutes=overdue + 60,
            bad={last_success: _for(overdue + 60, 0)},
            good={last_success: _for(overdue + 60, 7200)},
            labels={"namespace": "models", "cronjob": cron_job},
        ),
        *_two(
            "LorentzianDashboardAbsent",
            minutes=30,
            bad={other: _for(30, 0)},
            good={read_at: "0+60x30"},
            labels={"namespace": "models"},
        ),
        *_two("LorentzianStoreUnreadable", minutes=60, bad={read_at: _for(60, 0)}, good={read_at: _for(60, 3000)}),
        *_two(
            "LorentzianResultOld",
            minutes=overdue + 60,
            bad={created: _for(overdue + 60, 0)},
            good={created: _for(overdue + 60, 7200)},
            labels=SOL,
        ),
        *_two(
            "LorentzianRunStuck",
            minutes=stuck + 60,
            bad={running: _for(stuck + 60, 0)},
            good={running: _for(stuck + 60, 7200)},
            labels=SOL,
        ),
        *_two("LorentzianWindowsLost", minutes=1, bad={lost: _for(1, 2)}, good={lost: _for(1, 0)}, labels=SOL),
        *_two("LorentzianModelOutside", minutes=1, bad={outside: _for(1, 1)}, good={outside: _for(1, 0)}, labels=venue),
        *_two(
            "LorentzianCommandFailed",
            minutes=90,
            bad={exit_code: _for(90, 65)},
            good={exit_code: _for(90, 143)},
            labels={"job": "weekly", **venue},
        ),
    )
