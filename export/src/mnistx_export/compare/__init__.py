"""An artifact beside the module it was made of: suites of images, layer by layer, files of any origin."""
