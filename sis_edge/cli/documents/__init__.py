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
        "bundle-sign": f"{_HERE}.bundles:SignDocument",
        "audit": f"{_HERE}.audit:AuditDocument",
        "bench": f"{_HERE}.runs:BenchDocument",
        "deploy": f"{_HERE}.runs:DeployDocument",
        "gate": f"{_HERE}.gate:GateDocument",
        "run": f"{_HERE}.classified:RunDocument",
        "export": f"{_HERE}.product:ExportDocument",
        "cancel": f"{_HERE}.runs:CancelDocument",
        "detach": f"{_HERE}.jobs:DetachDocument",
        "jobs-list": f"{_HERE}.jobs:JobsListDocument",
        "jobs-status": f"{_HERE}.jobs:JobsStatusDocument",
        "jobs-logs": f"{_HERE}.jobs:JobsLogsDocument",
        "jobs-fetch": f"{_HERE}.runs:JobsFetchDocument",
        "jobs-cancel": f"{_HERE}.runs:JobsCancelDocument",
        "jobs-resume": f"{_HERE}.runs:JobsResumeDocument",
        "clean": f"{_HERE}.jobs:CleanDocument",
        "doctor": f"{_HERE}.doctor:DoctorDocument",
        "quickstart": f"{_HERE}.runs:QuickstartDocument",
        "meter": f"{_HERE}.runs:MeterDocument",
        "report": f"{_HERE}.runs:ReportDocument",
        "compare": f"{_HERE}.two_runs:CompareDocument",
        "explain": f"{_HERE}.explained:ExplainDocument",
        "history": f"{_HERE}.history:HistoryDocument",
        "query": f"{_HERE}.query:QueryDocument",
        "verify": f"{_HERE}.verified:VerifiedRunDocument",
        "export-run": f"{_HERE}.verified:ExportedRunDocument",
        "import-run": f"{_HERE}.verified:ImportedRunDocument",
        "self-check": f"{_HERE}.runs:SelfCheckDocument",
        "sweep": f"{_HERE}.sweep:SweepDocument",
        "calibrate": f"{_HERE}.boards:CalibrateDocument",
        "profiles-list": f"{_HERE}.boards:ProfilesDocument",
        "profiles-show": f"{_HERE}.boards:ProfileDocument",
        "profiles-check": f"{_HERE}.boards:CheckDocument",
        "profiles-detect": f"{_HERE}.boards:DetectDocument",
        "boards-discover": f"{_HERE}.discovered:DiscoverDocument",
        "boards-list": f"{_HERE}.inventory:BoardsDocument",
        "boards-show": f"{_HERE}.inventory:BoardDocument",
        "boards-add": f"{_HERE}.inventory:AddedBoardDocument",
        "boards-remove": f"{_HERE}.inventory:RemovedBoardDocument",
        "boards-check": f"{_HERE}.inventory:CheckedBoardsDocument",
        "fleet-deploy": f"{_HERE}.fleet:FleetDocument",
        "zoo-list": f"{_HERE}.zoo:ZooDocument",
        "zoo-show": f"{_HERE}.zoo:ZooNetworkDocument",
        "zoo-evaluate": f"{_HERE}.zoo:EvaluateDocument",
        "zoo-report": f"{_HERE}.zoo:ZooReportDocument",
        "datasets-list": f"{_HERE}.datasets:DatasetsDocument",
        "datasets-show": f"{_HERE}.datasets:ShownDataset",
        "datasets-fetch": f"{_HERE}.datasets:DatasetDocument",
        "config-show": f"{_HERE}.config:ConfigShowDocument",
        "schemas": f"{_HERE}.schemas:SchemasDocument",
        "stored-run": "sis_edge.results.schema:StoredRun",
        "bundle-manifest": "sis_edge.bundles.manifest:Manifest",
        "profile": "sis_edge.profiles.schema:profile_model",
        "inventory": "sis_edge.board.inventory:InventoryFile",
        "config": "sis_edge.cli.tables:model",
    },
    show="sis-edge schema",
)

FILES = ("stored-run", "bundle-manifest", "profile", "inventory", "config")
"""Schemas of files, not of what a command prints."""
