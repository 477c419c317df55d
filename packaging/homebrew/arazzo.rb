# packaging/build makes this file of packaging/homebrew/arazzo.rb, where changes belong.
class Arazzo < Formula
  desc "Run Arazzo workflows: sequences of API calls described in YAML"
  homepage "@HOMEPAGE@"
  version "@VERSION@"
  license any_of: ["MIT", "Apache-2.0"]

  @ARCHIVES@

  def install
    bin.install "arazzo"
    man1.install Dir["man/man1/*.1"]
    bash_completion.install "completions/arazzo.bash" => "arazzo"
    zsh_completion.install "completions/_arazzo"
    fish_completion.install "completions/arazzo.fish"
  end

  test do
    assert_match "arazzo #{version}", shell_output("#{bin}/arazzo --version")
  end
end
