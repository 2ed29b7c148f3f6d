"""
``serve()`` in each order and for each kind of provider, the page under load, and what happens when it cannot be.
"""

from __future__ import annotations

import subprocess

import pytest
from opentelemetry.sdk.metrics import MeterProvider

from children import run_child
from real_programs import require

ADDS_READERS = hasattr(MeterProvider, "add_metric_reader")
"""SDK 1.43 and newer; an older one takes readers in the constructor only."""


def test_alone_it_makes_a_provider_and_serves():
    """
    One line in a program without OpenTelemetry gives a page with what is recorded, called and cached.
    """
    told = run_child("""
        from autonomous_dev import MetricsTracker, PerformanceProfiler, cached
        from autonomous_dev_exporters.prometheus import serve
        with serve(0) as server:
            MetricsTracker().record_metric("test_duration", 12.5, {"suite": "unit"}, unit="s")
            @cached(max_size=4)
            def double(n): return 2 * n
            for n in (1, 1, 2): double(n)
            for _ in range(3):
                with PerformanceProfiler("work"): pass
            tell([server.url.startswith("http://127.0.0.1:"), values(scrape(server))])
    """)

    local, found = told
    assert local
    assert found['test_duration_seconds{suite="unit"}'] == 12.5
    assert found['autonomous_dev_call_duration_seconds_count{autonomous_dev_operation_name="work"}'] == 3.0
    lookups = {key: value for key, value in found.items() if key.startswith("autonomous_dev_cache_lookups_total")}
    assert {key.partition("result=")[2]: value for key, value in lookups.items()} == {'"hit"}': 1.0, '"miss"}': 2.0}


@pytest.mark.parametrize("first", ["serve", "configure"])
def test_before_and_after_configure(first, tmp_path):
    """
    ``serve`` and ``configure`` share the provider, whichever comes first.
    """
    lines = {
        "serve": "server = serve(0)",
        "configure": f"tracker = configure(storage={str(tmp_path / 'j.jsonl')!r}).tracker",
    }
    order = [lines.pop(first), *lines.values()]
    told = run_child(f"""
        from autonomous_dev import configure
        from autonomous_dev_exporters.prometheus import serve
        {order[0]}
        provider = metrics.get_meter_provider()
        {order[1]}
        tracker.record_metric("test_duration", 3.5)
        metrics.get_meter("app").create_up_down_counter("jobs").add(2)
        found = values(scrape(server))
        same = metrics.get_meter_provider() is provider
        tell([same, found["test_duration"], found["jobs"], [m.value for m in tracker.get_metrics("jobs")]])
    """)

    assert told == [True, 3.5, 2.0, [2.0]]


def test_insights_are_those_of_the_configured_tracker(tmp_path):
    """
    Without ``tracker=`` the one of ``configure(storage=...)`` is evaluated; without any there is nothing to evaluate.
    """
    told = run_child(f"""
        from autonomous_dev import configure
        from autonomous_dev_exporters.prometheus import serve
        with serve(0) as server:
            before = "autonomous_dev_insight" in scrape(server)
        configure(storage={str(tmp_path / "j.jsonl")!r})
        with serve(0) as server:
            tell([before, values(scrape(server)).get("autonomous_dev_insight_failures_total")])
    """)

    assert told == [False, 0.0]


def test_an_applications_own_provider_is_served():
    """
    A provider that the application has set gets our reader where the SDK can add one; else the error shows the line
    to write.
    """
    told = run_child("""
        from opentelemetry.sdk.metrics import MeterProvider
        provider = MeterProvider()
        metrics.set_meter_provider(provider)
        from autonomous_dev.errors import ConfigurationError
        from autonomous_dev_exporters.prometheus import serve
        try:
            server = serve(0)
        except ConfigurationError as error:
            tell(str(error))
        else:
            metrics.get_meter("app").create_up_down_counter("jobs").add(2)
            tell([metrics.get_meter_provider() is provider, values(scrape(server))["jobs"]])
    """)

    if ADDS_READERS:
        assert told == [True, 2.0]
    else:
        assert "MeterProvider(metric_readers=[SeriesMetricReader(), PageReader(), ...])" in told


def test_an_applications_own_provider_with_our_readers_works_on_every_sdk():
    """
    The line that the error shows is one that works.
    """
    told = run_child("""
        from opentelemetry.sdk.metrics import MeterProvider
        from autonomous_dev.recording import SeriesMetricReader
        from autonomous_dev_exporters.prometheus import PageReader, serve
        metrics.set_meter_provider(MeterProvider(metric_readers=[SeriesMetricReader(), PageReader()]))
        with serve(0) as server:
            metrics.get_meter("app").create_up_down_counter("jobs").add(2)
            tell(values(scrape(server))["jobs"])
    """)

    assert told == 2.0


def test_an_explicit_provider_is_served_and_the_global_one_left_alone():
    """
    ``meter_provider=`` shows that provider's instruments and sets nothing.
    """
    told = run_child("""
        from opentelemetry.sdk.metrics import MeterProvider
        from autonomous_dev_exporters.prometheus import PageReader, serve
        own = MeterProvider(metric_readers=[PageReader()])
        own.get_meter("app").create_up_down_counter("jobs").add(5)
        with serve(0, meter_provider=own) as server:
            tell([values(scrape(server))["jobs"], type(metrics.get_meter_provider()).__name__])
    """)

    assert told == [5.0, "_ProxyMeterProvider"]


def test_switched_off_sdk_gives_an_empty_page():
    """
    With ``OTEL_SDK_DISABLED=true`` the program runs as it is: the port answers, with nothing.
    """
    told = run_child(
        """
        import logging
        logging.disable(logging.CRITICAL)
        from autonomous_dev import MetricsTracker
        from autonomous_dev_exporters.prometheus import serve
        tracker = MetricsTracker()
        with serve(0, tracker=tracker) as server:
            tracker.record_metric("test_duration", 1.0)
            tell([scrape(server), type(metrics.get_meter_provider()).__name__])
    """,
        OTEL_SDK_DISABLED="true",
    )

    assert told == ["", "_ProxyMeterProvider"]


def test_a_foreign_provider_is_an_error_that_names_it():
    """
    A provider that is not the SDK's cannot be served; the message says which class it is and what to pass.
    """
    told = run_child("""
        from autonomous_dev.errors import ConfigurationError
        from autonomous_dev_exporters.prometheus import serve
        class Vendor(metrics.NoOpMeterProvider.__mro__[1]):
            def get_meter(self, *args, **kwargs):
                return metrics.NoOpMeter("vendor")
        metrics.set_meter_provider(Vendor())
        try:
            serve(0)
        except ConfigurationError as error:
            tell(str(error))
    """)

    assert "__main__.Vendor" in told
    assert "meter_provider=MeterProvider" in told


def test_a_taken_port_is_an_error_with_a_way_out():
    """
    Another program's port and one's own are told apart; both messages say what to do.
    """
    told = run_child("""
        import socket
        from autonomous_dev.errors import ServeError
        from autonomous_dev_exporters.prometheus import serve
        messages = []
        def attempt(port, host="127.0.0.1"):
            try:
                serve(port, host=host)
            except ServeError as error:
                messages.append([str(error), isinstance(error, OSError), error.errno is not None])
        with socket.create_server(("127.0.0.1", 0)) as taken:
            attempt(taken.getsockname()[1])
        server = serve(0)
        attempt(server.port)
        attempt(0, "192.0.2.1")
        attempt(0, "no such host.invalid")
        tell([messages, server.port])
    """)

    (foreign, own, elsewhere, nowhere), port = told
    assert "another program listens there: choose another port" in foreign[0]
    assert f"this process serves http://127.0.0.1:{port}/metrics already" in own[0]
    assert "host '192.0.2.1'" in elsewhere[0]
    assert "no address of this machine" in elsewhere[0]
    assert "no such host" in nowhere[0]
    assert all(message[1] for message in told[0])
    assert foreign[2]


def test_a_closed_server_gives_the_port_back_and_leaves_nothing_behind():
    """
    After ``close`` the port can be served again, no thread is left, and on an SDK that can, no reader costs any more.
    """
    told = run_child("""
        import gc, threading, weakref
        from autonomous_dev import MetricsTracker, _state
        from autonomous_dev_exporters.prometheus import serve
        tracker = MetricsTracker()
        before = sorted(thread.name for thread in threading.enumerate())
        server = serve(0, tracker=tracker)
        reader = weakref.ref(_state.composition.pages[metrics.get_meter_provider()]._reader)
        port = server.port
        server.close()
        server.close()
        after = sorted(thread.name for thread in threading.enumerate())
        gc.collect()
        gone = reader() is None
        with serve(port) as again:
            tracker.record_metric("test_duration", 4.0)
            tell([before == after, gone, again.port == port, values(scrape(again))["test_duration"]])
    """)

    assert told == [True, ADDS_READERS, True, 4.0]


def test_two_servers_show_the_same_page():
    """
    Two ports of one process share one reader; closing one leaves the other.
    """
    told = run_child("""
        from autonomous_dev_exporters.prometheus import serve
        one, two = serve(0), serve(0)
        metrics.get_meter("app").create_up_down_counter("jobs").add(2)
        pages = [values(scrape(one))["jobs"], values(scrape(two))["jobs"]]
        one.close()
        tell([*pages, values(scrape(two))["jobs"]])
    """)

    assert told == [2.0, 2.0, 2.0]


def test_scrapes_at_once_are_answered_one_after_the_other():
    """
    Two Prometheus servers that scrape at the same moment get one page each, not one both and the other none.
    """
    told = run_child("""
        import threading
        from opentelemetry.sdk.metrics import MeterProvider
        from autonomous_dev_exporters.prometheus import PageReader, serve
        both = threading.Barrier(2)
        overlaps = []
        def inside_a_scrape():
            # Two scrapes meet here if they can; else the first waits in vain, and the second finds nobody.
            try:
                both.wait(0.5)
                overlaps.append(1)
            except threading.BrokenBarrierError:
                pass
            return ()
        provider = MeterProvider(metric_readers=[PageReader(further=inside_a_scrape)])
        provider.get_meter("app").create_up_down_counter("jobs").add(1)
        with serve(0, meter_provider=provider) as server:
            pages, started = [], threading.Barrier(2)
            def run():
                started.wait(10)
                pages.append(scrape(server))
            threads = [threading.Thread(target=run) for _ in range(2)]
            for thread in threads: thread.start()
            for thread in threads: thread.join()
            tell([overlaps, [page.count("# TYPE jobs gauge") for page in pages]])
    """)

    assert told == [[], [1, 1]]


def test_a_forked_child_leaves_the_port_to_the_parent():
    """
    The child's server is closed, the parent's goes on, and the child can serve on a port of its own.
    """
    told = run_child("""
        from autonomous_dev_exporters.prometheus import serve
        server = serve(0)
        jobs = metrics.get_meter("app").create_up_down_counter("jobs")
        jobs.add(1)
        back, out = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                closed = "(closed)" in repr(server)
                jobs.add(1)
                with serve(0) as own:
                    os.write(out, json.dumps([closed, values(scrape(own))["jobs"]]).encode())
                os._exit(0)
            finally:
                os._exit(1)
        _, status = os.waitpid(child, 0)
        tell([os.waitstatus_to_exitcode(status), json.loads(os.read(back, 1000)), values(scrape(server))["jobs"]])
    """)

    assert told == [0, [True, 2.0], 1.0]


def test_the_port_is_free_when_the_parent_ends_before_its_child():
    """
    A forked child does not hold the parent's port open.
    """
    told = run_child("""
        from autonomous_dev_exporters.prometheus import serve
        server = serve(0)
        port = server.port
        ready, go = os.pipe(), os.pipe()
        child = os.fork()
        if child == 0:
            os.close(go[1])  # the read ends with the parent, whatever becomes of it
            os.write(ready[1], b"1")
            os.read(go[0], 1)
            os._exit(0)
        os.read(ready[0], 1)
        server.close()
        again = serve(port)
        os.write(go[1], b"1")
        os.waitpid(child, 0)
        tell(again.port == port)
    """)

    assert told is True


def test_the_page_passes_promtool_with_everything_on_it(tmp_path):
    """
    ``promtool check metrics`` finds nothing on the page of a program that uses all of the API, failures included.
    """
    told = run_child(f"""
        from autonomous_dev import PerformanceProfiler, cached, configure
        c = configure(storage={str(tmp_path / "j.jsonl")!r})
        for n in range(30):
            c.tracker.record_metric("test_duration", 10.0 + (n > 15) * 8 + n % 3 * 0.1, {{"suite": 'a"b\\\\c\\nd'}}, unit="s")
        c.tracker.record_metric("{{{{ hostile }}}} name", 1.0, {{"key with space": "\\u00e9\\u4e2d"}})
        @cached(max_size=4)
        def double(n): return 2 * n
        double(1)
        try:
            with PerformanceProfiler("work"): raise KeyError("k")
        except KeyError: pass
        with PerformanceProfiler('ha"rd {{}}'): pass
        c = configure(prometheus_port=0)
        until(lambda: "autonomous_dev_insight_confidence{{" in scrape(c.server))
        tell(scrape(c.server))
    """)

    checked = subprocess.run(
        [require("promtool"), "check", "metrics"], input=told, capture_output=True, text=True, timeout=30, check=False
    )

    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")
    assert "autonomous_dev_insights{" in told
    assert "autonomous_dev_insight_since_seconds{" in told
