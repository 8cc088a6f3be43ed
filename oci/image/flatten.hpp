#pragma once

#include "oci/image/layer_reader.hpp"

namespace davit::oci {

/// An image's files as they are in the end, all layers as one, each name once, with its data.
/// Layers are read twice: for the names, and then from the lowest up for the data, in which order
/// the entries come. A directory stands before what is in it where that stands together; otherwise,
/// as tars are unpacked, it would lose its time again, and so it stands at the end. Paths are
/// "a/b", the root is ".".
void flatten(const Call& call, const ImageLayers& image, const LayerReading& reading,
             TarHandler& to);

/// The flattened tree as a tar.
void export_tar(const Call& call, const ImageLayers& image, const LayerReading& reading, Sink& to);

}  // namespace davit::oci
