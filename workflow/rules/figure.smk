# Figures; each shows all methods that were tried on the same data.


# Of one dataset, protocol and N: a rule for each kind, because captions cannot have wildcards.
for figure in FIGURES:

    rule:
        name:
            f"figure_{figure}"
        localrule: True
        input:
            get_figure_inputs,
        output:
            report(
                f"<results>/figures/{{dataset}}/{{protocol}}/n{{n}}/{figure}.png",
                caption=f"../report/{figure}.rst",
                category="Figures",
                subcategory="{dataset}",
                labels={"protocol": "{protocol}", "N": "{n}", "figure": figure},
            ),
        log:
            f"<logs>/figure_{figure}/{{dataset}}/{{protocol}}/n{{n}}.log",
        params:
            figure=figure,
            trials=get_figure_trials,
            code=code_digest(
                f"dotbench.report.figures.{figure}", *(get_kernel_modules() if figure == "examples" else ())
            ),
        conda:
            "../../envs/base.yaml"
        script:
            "../scripts/figure.py"


# Of one dataset and protocol, over all N.
rule figure_error_n:
    localrule: True
    input:
        get_error_n_inputs,
    output:
        report(
            "<results>/figures/{dataset}/{protocol}/error_n.png",
            caption="../report/error_n.rst",
            category="Figures",
            subcategory="{dataset}",
            labels={"protocol": "{protocol}", "N": "all", "figure": "error_n"},
        ),
    log:
        "<logs>/figure_error_n/{dataset}/{protocol}.log",
    params:
        trials=get_error_n_trials,
        code=code_digest("dotbench.report.figures.error_n"),
    conda:
        "../../envs/base.yaml"
    script:
        "../scripts/figure_error_n.py"


# Of the kernels themselves: two overlapping cells as target maps.
rule figure_kernels:
    localrule: True
    output:
        report(
            "<results>/figures/kernels.png",
            caption="../report/kernels.rst",
            category="Figures",
            subcategory="kernels",
            labels={"protocol": "-", "N": "-", "figure": "kernels"},
        ),
    log:
        "<logs>/figure_kernels.log",
    params:
        kernels=sorted(plan.kernels),
        code=code_digest("dotbench.report.figures.kernels", *get_kernel_modules()),
    conda:
        "../../envs/base.yaml"
    script:
        "../scripts/figure_kernels.py"


# Simulated cells held against the real VGG cells.
rule figure_likeness:
    input:
        expand(DATASET, dataset=["sim2d", "vgg"]),
    output:
        report(
            "<results>/figures/likeness.png",
            caption="../report/likeness.rst",
            category="Figures",
            subcategory="sim2d",
            labels={"protocol": "-", "N": "-", "figure": "likeness"},
        ),
    log:
        "<logs>/figure_likeness.log",
    params:
        code=code_digest("dotbench.report.likeness"),
    resources:
        mem_mb=2000,
        runtime=20,
    conda:
        "../../envs/base.yaml"
    script:
        "../scripts/figure_likeness.py"
