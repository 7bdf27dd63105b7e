"""What the stand-in is made of: loggers, tensors, layers, and classes with a limited set of names. CPython 3.6.

Names that surface.json does not hold are from the documentation of the Python API.
"""

import ctypes
import enum
import os
import signal

import standin_device as device


class Severity(enum.IntEnum):
    INTERNAL_ERROR = 0
    ERROR = 1
    WARNING = 2
    INFO = 3
    VERBOSE = 4


class ILogger:
    Severity = Severity

    def __init__(self):
        self._ready = True

    def log(self, severity, msg):
        raise NotImplementedError("Tried to call pure virtual function ILogger::log")


for _severity in Severity:
    setattr(ILogger, _severity.name, _severity)


class Logger(ILogger):
    def __init__(self, min_severity=Severity.WARNING):
        self.min_severity = min_severity
        ILogger.__init__(self)

    def log(self, severity, msg):
        if severity <= self.min_severity:
            print(f"[TRT] {msg}")


class IProfiler:
    def __init__(self):
        self._ready = True

    def report_layer_time(self, layer_name, ms):
        raise NotImplementedError("Tried to call pure virtual function IProfiler::report_layer_time")


class ITensor:
    def __init__(self, name, shape, dtype):
        self.name, self.shape, self.dtype = name, shape, dtype


class ILayer:
    def __init__(self, name, kind, outputs):
        self.name, self.type, self._outputs = name, kind, outputs
        self.num_outputs = len(outputs)

    def get_output(self, index):
        return self._outputs[index]


class ParserError:
    def __init__(self, code, text, node):
        self._code, self._text, self._node = code, text, node

    def code(self):
        return self._code

    def desc(self):
        return self._text

    def node(self):
        return self._node


class NamedParserError(ParserError):
    """That of later versions, which says the node's name and operator; empty where the model as a whole is refused."""

    def __init__(self, code, text, node, name="", operator=""):
        super().__init__(code, text, node)
        self._name, self._operator = name, operator

    def node_name(self):
        return self._name

    def node_operator(self):
        return self._operator


def attribute(value=None):
    """A plain attribute of a class whose names are limited."""
    key = f"_attribute_{id(object())}_{os.urandom(4).hex()}"

    def get(self):
        return self.__dict__.get(key, value)

    def put(self, new):
        self.__dict__[key] = new

    return property(get, put)


def limited(name, members, allowed):
    """A class with those of `members` that this version has; the rest of its names exist and are not for use here."""

    def refuse(self, *words, **more):
        raise NotImplementedError(f"the stand-in has {name} and not this part of it")

    def put(self, key, value):
        if not key.startswith("_") and not hasattr(type(self), key):
            raise AttributeError(f"'{name}' object has no attribute '{key}'")
        object.__setattr__(self, key, value)

    body = {key: value for key, value in members.items() if key.startswith("_") or key in allowed}
    for key in allowed:
        body.setdefault(key, property(refuse))
    body["__setattr__"] = put
    body.pop("__dict__", None)
    body.pop("__weakref__", None)
    return type(name, (), body)


def need_device():
    """TensorRT's objects are null without a device, and the first use of one ends the process."""
    if device.count() < 1:
        os.kill(os.getpid(), signal.SIGSEGV)


def host_memory(allowed, data):
    """IHostMemory: bytes behind the buffer protocol."""
    kind = type("IHostMemory", (ctypes.c_char * len(data),), {"nbytes": property(lambda self: len(data))})
    assert "nbytes" in allowed
    return kind.from_buffer_copy(data)


def report(owner, logger, text, code="INVALID_ARGUMENT"):
    """An error, where the documentation says that it goes."""
    recorder = getattr(owner, "error_recorder", None)
    if recorder is not None:
        recorder.report_error(code, text)
    else:
        logger.log(Severity.ERROR, text)
