"""Wrong values fail before anything is installed, with a sentence that names the value."""

import pytest

from tests.support.cluster_tools import helm_template

RUN = '{"name":"weekly","schedule":"@weekly"'
WRONG = [
    ('image={"tags":"1"}', "image", "tags"),
    ('image={"digest":"sha256:1"}', "digest", "pattern"),
    ('image={"registry":"registry.example/"}', "registry", "pattern"),
    ('image={"repository":"Trainer"}', "repository", "pattern"),
    ('fullnameOverride="1st"', "fullnameOverride", "pattern"),
    ('commonLabels={"app.kubernetes.io/name":"x"}', "commonLabels", "app.kubernetes.io~1name"),
    ('pod={"labels":{"team":"a b"}}', "team", "pattern"),
    ('database={"existingSecret":""}', "existingSecret", "minLength"),
    ('database={"password":"secret"}', "database", "password"),
    ('database={"passwordKey":""}', "passwordKey", "minLength"),
    ('database={"port":"5432"}', "port", "integer"),
    ('database={"caBundle":{"configMap":"a","secret":"b"}}', "caBundle", "not"),
    ('store={"caBundle":{"key":""}}', "key", "minLength"),
    ('store={"savePath":"gs://bucket/models"}', "savePath", "pattern"),
    ('store={"savePath":"bucket/models"}', "savePath", "pattern"),
    ('store={"savePath":"s3://ab/models"}', "savePath", "pattern"),
    ('dashboard={"auth":{"existingSecret":""}}', "existingSecret", "minLength"),
    ('dashboard={"service":{"ipFamilyPolicy":"DualStack"}}', "ipFamilyPolicy", "RequireDualStack"),
    ('dashboard={"service":{"ipFamilies":["IPv5"]}}', "ipFamilies", "IPv6"),
    ('dashboard={"service":{"ipFamilies":["IPv4","IPv4"]}}', "ipFamilies", "equal"),
    ('dashboard={"service":{"ipFamilyPolicy":"SingleStack","ipFamilies":["IPv4","IPv6"]}}', "ipFamilies", "maxItems"),
    ('pod={"topologySpreadConstraints":[{"maxSkew":1}]}', "topologySpreadConstraints", "topologyKey"),
    (
        'pod={"topologySpreadConstraints":[{"maxSkew":0,"topologyKey":"a","whenUnsatisfiable":"ScheduleAnyway"}]}',
        "maxSkew",
        "minimum",
    ),
    ('pod={"resourceClaims":[{"name":"gpu"}]}', "resourceClaims", "minProperties"),
    ('store={"endpointUrl":"minio:9000"}', "endpointUrl", "pattern"),
    ('store={"endpointUrl":"https://user:word@minio"}', "endpointUrl", "pattern"),
    ('settings={"data-day":180}', "settings", "data-day"),
    ('settings={"data-days":"many"}', "data-days", "integer"),
    ('settings={"data-days":7}', "data-days", "minimum"),
    ('settings={"fee-bps":-1}', "fee-bps", "minimum"),
    ('settings={"fee-bps":"some"}', "fee-bps", "pattern"),
    ('settings={"test-size":0.2}', "test-size", "integer"),
    ('settings={"interval":"7m"}', "interval", "1h"),
    ('settings={"model":"transformer"}', "model", "lorentzian"),
    ('settings={"save-path":"s3://bucket"}', "settings", "save-path"),
    ('settings={"database-url":"x"}', "settings", "database-url"),
    ("runs=3", "runs", "array"),
    ('runs=[{"name":"weekly"}]', "runs/0", "schedule"),
    ('runs=[{"name":"Weekly","schedule":"@weekly"}]', "name", "pattern"),
    ('runs=[{"name":"weekly","schedule":"every sunday"}]', "schedule", "pattern"),
    ('runs=[{"name":"weekly","schedule":"CRON_TZ=UTC 0 3 * * 0"}]', "schedule", "pattern"),
    ('runs=[{"name":"weekly","schedule":"0 3 * * 7"}]', "0 3 * * 7", "weekday is 7, but goes from 0 to 6"),
    ('runs=[{"name":"weekly","schedule":"0 3 * * sunday"}]', "0 3 * * sunday", "weekday cannot be called sunday"),
    ('finalize={"schedule":"0-60 * * * *"}', "0-60 * * * *", "minute is 60"),
    (f'runs=[{RUN},"timezone":"UTC"}}]', "runs/0", "timezone"),
    (f'runs=[{RUN},"timeZone":"Local"}}]', "timeZone", "not"),
    (f'runs=[{RUN},"completions":21}}]', "runs/0", "completions"),
    (f'runs=[{RUN},"startingDeadlineSeconds":5}}]', "startingDeadlineSeconds", "minimum"),
    (f'runs=[{RUN},"resources":{{"limit":{{}}}}}}]', "resources", "limit"),
    (f'runs=[{RUN},"resources":{{"limits":{{"memory":"2 GB"}}}}}}]', "memory", "pattern"),
    (f'runs=[{RUN},"gpu":{{"count":0}}}}]', "count", "minimum"),
    (f'runs=[{RUN},"gpu":{{"memoryFraction":45}}}}]', "memoryFraction", "maximum"),
    (f'runs=[{RUN},"gpu":{{"memoryFraction":"0.0"}}}}]', "memoryFraction", "pattern"),
    (f'runs=[{RUN},"gpu":{{"resourceName":"gpu"}}}}]', "resourceName", "pattern"),
    (f'runs=[{RUN},"gpu":{{"enabled":true,"resourceName":"nvidia.com/gpu.shared","count":2}}}}]', "weekly", "shared"),
    (f'runs=[{RUN},"wait":"long"}}]', "wait", "pattern"),
    (f'runs=[{RUN},"windowDeadlineSeconds":"6h"}}]', "windowDeadlineSeconds", "integer"),
    (f"runs=[{RUN}}},{RUN}}}]", "two are called", "weekly"),
    ('runs=[{"name":"finalize","schedule":"@weekly"}]', "finalize", "another CronJob"),
    ('runs=[{"name":"features-x","schedule":"@weekly"}]', "features-x", "another CronJob"),
    (f'runs=[{RUN},"parallelism":2,"kueue":{{"queue":"q","minParallelism":2}}}}]', "weekly", "minParallelism"),
    (f'runs=[{RUN},"settings":{{"market":"spot"}}}}]', "weekly", "binance-spot"),
    ('runDefaults={"name":"x"}', "runDefaults", "not"),
    ('runs=[{"name":"prune","schedule":"@weekly"}]', "prune", "another CronJob"),
    ('predict={"schedule":"often"}', "schedule", "pattern"),
    ('promote={"when":"good"}', "when", "evidence"),
    ('promote={"enabled":true}', "promote", "enabled"),
    ('prune={"keepLast":0}', "keepLast", "minimum"),
    ('migrate={"ttlSecondsAfterFinished":0}', "ttlSecondsAfterFinished", "minimum"),
    ('migrate={"roles":"yes"}', "roles", "boolean"),
    ('monitoring={"pushgateway":{"url":"https://user:word@gateway"}}', "url", "pattern"),
    ('features={"collect":{"source":"ftp"}}', "source", "archive"),
    ('dashboard={"replicas":-1}', "replicas", "minimum"),
    ('dashboard={"ingress":{"enabled":true}}', "hosts", "minItems"),
    ('dashboard={"ingress":{"path":"lorentzian"}}', "path", "pattern"),
    ('dashboard={"settings":{"auth-password":"x"}}', "settings", "auth-password"),
    ('extraEnv=[{"value":"x"}]', "extraEnv/0", "name"),
    ('extraEnv=[{"name":"A","value":1}]', "extraEnv/0/value", "string"),
    ('networkPolicy={"extraEgress":[{"port":80}]}', "extraEgress/0", "port"),
    ('networkPolicy={"extraEgress":[{}]}', "extraEgress/0", "minProperties"),
    ('networkPolicy={"dashboardFrom":[{"namespaceSelecter":{}}]}', "dashboardFrom/0", "namespaceSelecter"),
    ('extraEnv=[{"name":"LORENTZIAN_DATA_DAYS","value":"90"}]', "extraEnv sets LORENTZIAN_DATA_DAYS", "settings"),
    ('extraEnv=[{"name":"A","value":"1"},{"name":"A","value":"2"}]', "extraEnv sets A", "twice"),
    ("unknown=1", "unknown", "additional"),
    ("settings=null", "missing property", "settings"),
    ('dashboard={"settings":null}', "dashboard", "missing property 'settings'"),
]


@pytest.mark.parametrize(("wrong", "where", "what"), WRONG, ids=[wrong for wrong, _, _ in WRONG])
def test_wrong_value_is_refused_by_name(wrong: str, where: str, what: str) -> None:
    """Nothing is rendered, and the message of helm names the value and what is wrong with it."""
    ended = helm_template("--set-json", wrong)
    assert ended.returncode != 0
    assert ended.stdout == ""
    assert where in ended.stderr and what in ended.stderr, ended.stderr


def test_decimals_of_the_command_line_are_numbers() -> None:
    """Of `--set key=2.5` helm makes a string; the program gets what was typed."""
    run = "runs[0].name=weekly,runs[0].schedule=@weekly,runs[0].gpu.enabled=true,runs[0].gpu.memoryFraction=0.45"
    ended = helm_template("--set", f"settings.fee-bps=2.5,{run}")
    assert ended.returncode == 0, ended.stderr
    assert 'value: "2.5"' in ended.stdout and 'value: "per_process_memory_fraction:0.45"' in ended.stdout


def test_schedule_that_a_clock_shows_is_taken() -> None:
    """Lists, ranges, steps, names of months and days in either case; each field up to its ends."""
    schedules = ("0-59/15 0,23 1-31 1-12 0-6", "*/61 * ? jan-DEC Mon,SAT", "08 09  * * *", "@daily")
    runs = ",".join(f'{{"name":"r{number}","schedule":"{each}"}}' for number, each in enumerate(schedules))
    ended = helm_template("--set-json", f"runs=[{runs}]")
    assert ended.returncode == 0, ended.stderr
