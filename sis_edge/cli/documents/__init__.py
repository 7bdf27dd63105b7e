"""The documents that commands print with `--json`, as types: `sis-edge schema` publishes them.

One file for each group of commands: the models, and the function that makes a document of what the library found.
Key names are stable; a version number changes when a key changes its meaning.
"""

from typing import Any

from sis_edge.files.registry import Registry

_HERE = "sis_edge.cli.documents"

SCHEMAS: Registry[Any] = Registry(
    "schema",
    "sis_edge.schemas",
    {
        "form": f"{_HERE}.networks:FormDocument",
        "predict": f"{_HERE}.networks:PredictDocument",
        "build": f"{_HERE}.bundles:BuildDocument",
        "bundle-show": f"{_HERE}.bundles:BundleDocument",
        "bundle-verify": f"{_HERE}.bundles:VerifyDocument",
        "audit": f"{_HERE}.audit:AuditDocument",
        "bench": f"{_HERE}.runs:BenchDocument",
        "deploy": f"{_HERE}.runs:DeployDocument",
        "run": f"{_HERE}.classified:RunDocument",
        "export": f"{_HERE}.product:ExportDocument",
        "cancel": f"{_HERE}.runs:CancelDocument",
        "quickstart": f"{_HERE}.runs:QuickstartDocument",
        "meter": f"{_HERE}.runs:MeterDocument",
        "report": f"{_HERE}.runs:ReportDocument",
        "self-check": f"{_HERE}.runs:SelfCheckDocument",
        "sweep": f"{_HERE}.sweep:SweepDocument",
        "calibrate": f"{_HERE}.boards:CalibrateDocument",
        "profiles-list": f"{_HERE}.boards:ProfilesDocument",
        "profiles-show": f"{_HERE}.boards:ProfileDocument",
        "profiles-check": f"{_HERE}.boards:CheckDocument",
        "profiles-detect": f"{_HERE}.boards:DetectDocument",
        "zoo-list": f"{_HERE}.zoo:ZooDocument",
        "zoo-show": f"{_HERE}.zoo:ZooNetworkDocument",
        "zoo-evaluate": f"{_HERE}.zoo:EvaluateDocument",
        "zoo-report": f"{_HERE}.zoo:ZooReportDocument",
        "datasets-list": f"{_HERE}.datasets:DatasetsDocument",
        "datasets-show": f"{_HERE}.datasets:ShownDataset",
        "datasets-fetch": f"{_HERE}.datasets:DatasetDocument",
        "schemas": f"{_HERE}.schemas:SchemasDocument",
        "stored-run": "sis_edge.results.schema:StoredRun",
        "bundle-manifest": "sis_edge.bundles.manifest:Manifest",
        "profile": "sis_edge.profiles.schema:profile_model",
    },
    show="sis-edge schema",
)

FILES = ("stored-run", "bundle-manifest", "profile")
"""Schemas of files, not of what a command prints."""
