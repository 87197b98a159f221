"""ONNX's own test runner, pointed at the backend: one test or more of each promised operator.

All of its tests: benchmarks/onnx_backend_report.py.
"""

from __future__ import annotations

import unittest
import warnings
from collections.abc import Iterator

import numpy as np
import pytest

from smartvm.compiler.onnx_backend import SmartVMBackend

TOLERANCE = {"rtol": 1e-2, "atol": 1e-2}
NAMES = """
    add_bcast argmax_keepdims_random averagepool_2d_ceil averagepool_3d_default
    averagepool_2d_pads_count_include_pad basic_conv_with_padding batchnorm_epsilon
    clip_default_min concat_3d_axis_negative_2 conv_with_autopad_same
    conv_with_strides_and_asymmetric_padding convtranspose convtranspose_3d convtranspose_group_2
    convtranspose_output_shape div_bcast dropout_default erf flatten_axis2 gather_0
    gather_negative_indices gelu_default_2 gelu_tanh_1 gemm_all_attributes
    gemm_default_matrix_bias globalaveragepool globalmaxpool gru_bidirectional
    gru_with_initial_bias hardsigmoid hardswish identity instancenorm_example
    layer_normalization_4d_axis1 layer_normalization_3d_axis_negative_1_epsilon leakyrelu
    logsoftmax_large_number logsoftmax_negative_axis lrn lstm_bidirectional lstm_with_peepholes
    matmul_4d matmul_bcast maxpool_1d_default maxpool_2d_dilations maxpool_2d_ceil
    maxpool_3d_dilations mul_bcast prelu_broadcast constant_pad reflect_pad wrap_pad
    reduce_mean_keepdims_random relu reshape_zero_and_negative_dim
    resize_downsample_scales_linear_antialias
    resize_upsample_sizes_nearest_round_prefer_ceil_asymmetric
    resize_upsample_scales_linear_align_corners rnn_seq_length sigmoid simple_rnn_batchwise
    slice_negative_axes slice_neg_steps softmax_axis_0 softmax_large_number
    split_variable_parts_2d_opset18 squeeze_negative_axes sub_bcast sum_example tanh
    transpose_all_permutations_4 unsqueeze_two_axes
    AvgPool3d_stride BatchNorm3d_eval Conv1d_dilated Conv2d_depthwise_with_multiplier
    Conv3d_groups ConvTranspose2d Embedding GLU_dim Linear MaxPool2d_stride_padding_dilation
    PReLU_3d_multiparam PixelShuffle Softmin log_softmax_dim3
"""
CHOSEN = NAMES.split()


@pytest.fixture(scope="module")
def suite() -> dict[str, unittest.TestCase]:
    """Every test of ONNX's runner by its name."""
    np.random.seed(0)  # the node tests draw their inputs from numpy's global generator
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from onnx.backend.test import BackendTest

        tolerances = {f"test_{name}": TOLERANCE for name in CHOSEN}
        runner = BackendTest(SmartVMBackend, __name__, test_kwargs=tolerances)
    return {test.id().rpartition(".")[2]: test for test in leaves_of(runner.test_suite)}


def leaves_of(suite: unittest.TestSuite) -> Iterator[unittest.TestCase]:
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from leaves_of(item)
        else:
            yield item


@pytest.mark.parametrize("name", CHOSEN)
def test_a_test_of_onnx_passes(name: str, suite: dict[str, unittest.TestCase]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        suite[f"test_{name}_cpu"].debug()
