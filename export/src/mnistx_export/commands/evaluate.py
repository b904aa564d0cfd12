"""mnistx evaluate"""

from pathlib import Path
from typing import Any

import click

from mnistx_runtime.commands import allow_foreign, as_json, engine, print_json, say
from mnistx_train.commands import data_dir, dataset


@click.command()
@click.argument("model", type=click.Path(path_type=Path), required=False)
@click.argument("folder", type=click.Path(path_type=Path), required=False)
@click.option("--runtime", help="What runs an artifact; its own runtime without it.")
@dataset
@data_dir
@click.option("--out", type=click.Path(path_type=Path), help="A folder for metrics.json, report.html and its figures.")
@engine
@allow_foreign
@as_json
def evaluate(model: Path | None, folder: Path | None, out: Path | None, as_json: bool, **asked: Any) -> None:
    """Measure a model on labelled images.

    MODEL is a checkpoint (run by PyTorch) or an artifact (run by any runtime); without it, the last finished run's
    checkpoint, else the released one. FOLDER holds pictures, one subfolder a class: each goes from the file through
    the model's own preprocess, so that one that differs from training shows as points lost. Without FOLDER, the test
    images of the data set that it was trained on.
    """
    from mnistx_export.evaluation import evaluate as evaluate_model
    from mnistx_export.evaluation import evaluate_folder
    from mnistx_runtime.errors import BadInput
    from mnistx_train.reporting.report import Report, write_report
    from mnistx_train.runs import CONFIG

    if out is not None and (out / CONFIG).exists():
        raise BadInput(f"{out} is a run folder and has a report of its own; name another --out")
    engine = asked.pop("engine")
    if engine:
        from mnistx_runtime.cluster.session import require_ray

        require_ray()
        if folder is None:
            raise BadInput("--engine ray measures on a FOLDER of pictures; name one")
    if folder is not None and model is not None:
        if asked["dataset"] or asked["data_dir"]:
            raise BadInput("FOLDER is what is measured on; leave --dataset and --data-dir out")
        found = evaluate_folder(model, folder, asked["runtime"], asked["allow_foreign"], engine)
    else:
        found = evaluate_model(model, asked["runtime"], asked["dataset"], asked["data_dir"], asked["allow_foreign"])
    metrics = found.metrics
    if out is not None:
        title = f"{found.path.name} under {found.runtime}"
        subtitle = f"Measured on the {metrics.count:,} test images of {found.dataset}."
        write_report(out, Report(title, subtitle, found.names, metrics), found.test)
    if as_json:
        values = {"source": str(found.path), "runtime": found.runtime, "dataset": found.dataset}
        print_json(values | {"names": list(found.names), "refused": found.refused} | metrics.to_dict())
        return
    low, high = metrics.interval
    say(f"{found.path} under {found.runtime}, {metrics.count:,} test images of {found.dataset}")
    say(f"  accuracy           {metrics.accuracy:.2%} (95% interval {low:.2%} to {high:.2%})")
    if found.refused:
        say(f"  refused            {found.refused:,} pictures more, which couldn't be read or hold nothing to read")
    say(f"  loss               {metrics.loss:.4f} nats")
    say(f"  calibration error  {metrics.calibration_error:.2%}")
    for name, share in zip(found.names, metrics.per_class_accuracy, strict=True):
        say(f"  {name:<18} {share:.2%}")
    pairs = ", ".join(f"{found.names[a]} as {found.names[b]}: {n}" for a, b, n in metrics.most_confused[:5])
    say(f"  most confused      {pairs or 'none'}")
    if out is not None:
        say(f"report {out / 'report.html'}")
