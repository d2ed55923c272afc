"""llama.cpp's own server with a model, as a process that ends with its standard input.

python -m tests.support.servers.llama_server MODEL [PORT]
"""

import sys

import xllamacpp


def main(model: str, port: str = "0") -> None:
    """Serve, and print the address."""
    parameters = xllamacpp.CommonParams()
    parameters.model.path = model
    parameters.port = int(port)
    parameters.n_ctx, parameters.n_parallel, parameters.n_gpu_layers = 2048, 1, 0
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = 1
    parameters.sampling.ignore_eos = True  # an answer is as long as it was asked to be, whatever the machine
    server = xllamacpp.Server(parameters)
    print(server.listening_address, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main(*sys.argv[1:])
