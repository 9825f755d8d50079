# dotbench: which method counts cells best, and do the papers' numbers hold?
# An index: what is configured, where the rules are, what can be asked for.
from snakemake.utils import min_version

min_version("9.27")


configfile: f"{workflow.basedir}/config/config.yaml"


pathvars:
    logs="<results>/logs",
    benchmarks="<results>/benchmarks",


include: "workflow/rules/common.smk"


report: "workflow/report/workflow.rst"


include: "workflow/rules/fetch.smk"
include: "workflow/rules/prepare.smk"
include: "workflow/rules/split.smk"
include: "workflow/rules/target.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/predict.smk"
include: "workflow/rules/score.smk"
include: "workflow/rules/table.smk"
include: "workflow/rules/figure.smk"


# One file a method that is not a plain trained network or a classical model.
for rules in get_method_rules():

    include: rules


# The whole benchmark: every table and figure of the configuration.
rule all:
    default_target: True
    localrule: True
    input:
        get_tables,
        get_figures,


# All downloads, for a login node: compute nodes then need no internet.
rule fetch_all:
    localrule: True
    input:
        get_downloads,


# Every trial trained, predicted and scored; no tables, no figures.
rule trials:
    localrule: True
    input:
        get_scores,
