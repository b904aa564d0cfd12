from mnistx_runtime.cli import main

main(prog_name="mnistx")
