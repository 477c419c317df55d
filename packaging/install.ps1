# Installs arazzo on Windows: downloads the archive, compares its SHA-256, and puts the command into a folder.
# Nothing else is changed, but with -AddToPath the user's PATH. Not tried by the project's tests, which have no PowerShell.
param(
    # The folder of the release's files.
    [string]$From = "",
    [string]$Version = "",
    # Where the command is put.
    [string]$To = (Join-Path $env:LOCALAPPDATA "Programs\arazzo"),
    [switch]$AddToPath
)
$ErrorActionPreference = "Stop"
$released = "@VERSION@"
$downloads = "@DOWNLOADS@"
$Version = if ($Version) { $Version -replace '^v', '' } else { $released }
# Where those of this script's own version are, with the other version in the name of the folder.
if (-not $From -and $downloads) { $From = ($downloads -replace "/v$([regex]::Escape($released))$", "") + "/v$Version" }
$ProgressPreference = "SilentlyContinue"
if (-not $From) { throw "this installer does not know where the files of a release are; give their folder: -From https://..." }
$From = $From.TrimEnd("/")
# The checksums come from the same place as the archive, so that place has to be reached safely.
if ($From -notmatch '^(https://|http://(127\.0\.0\.1|localhost|\[::1\]):)') { throw "$From is not an https url" }
[Net.ServicePointManager]::SecurityProtocol = [Net.ServicePointManager]::SecurityProtocol -bor [Net.SecurityProtocolType]::Tls12

# The processor, not that of the process: PowerShell may be emulated.
$machine = [Environment]::GetEnvironmentVariable("PROCESSOR_ARCHITECTURE", "Machine")
$processor = switch ($machine) {
    "AMD64" { "x86_64" }
    "ARM64" { "aarch64" }
    default { throw "there is no archive for the processor $machine; build arazzo from its source, with Rust: cargo install --locked --features restate arazzo-run" }
}
$name = "arazzo-$Version-$processor-pc-windows-msvc"
$folder = Join-Path ([IO.Path]::GetTempPath()) ([IO.Path]::GetRandomFileName())
New-Item -ItemType Directory -Path $folder | Out-Null
try {
    $sums = Join-Path $folder "SHA256SUMS"
    $archive = Join-Path $folder "$name.zip"
    Invoke-WebRequest -UseBasicParsing -Uri "$From/SHA256SUMS" -OutFile $sums
    Invoke-WebRequest -UseBasicParsing -Uri "$From/$name.zip" -OutFile $archive
    $line = Get-Content $sums | Where-Object { $_ -match "^([0-9a-f]{64})  $([regex]::Escape("$name.zip"))$" } | Select-Object -First 1
    if (-not $line) { throw "SHA256SUMS of $From has no $name.zip" }
    $expected = $line.Substring(0, 64)
    $actual = (Get-FileHash -Algorithm SHA256 $archive).Hash.ToLowerInvariant()
    if ($actual -ne $expected) { throw "$name.zip is not what SHA256SUMS says: $actual instead of $expected; nothing was installed" }
    Expand-Archive -Path $archive -DestinationPath $folder
    New-Item -ItemType Directory -Force -Path $To | Out-Null
    $command = Join-Path $To "arazzo.exe"
    if (Test-Path -PathType Container $command) { throw "$command is a folder, and the command would have that name; move it away, or give another place: -To FOLDER" }
    # Tried there before it takes the place of another: a place may refuse to run anything.
    $beside = Join-Path $To ".arazzo-$PID.exe"
    Copy-Item -Force (Join-Path $folder "$name\arazzo.exe") $beside
    $said = & $beside --version
    if ($LASTEXITCODE -ne 0) { throw "the command for $processor does not run in $To, and was not installed" }
    if ($said -ne "arazzo $Version") { throw "the archive of arazzo $Version has another command: it says $said; nothing was installed" }
    Move-Item -Force $beside $command
} finally {
    if ($beside) { Remove-Item -Force -ErrorAction SilentlyContinue $beside }
    Remove-Item -Recurse -Force $folder
}
Write-Host "installed $said as $command"
$path = [Environment]::GetEnvironmentVariable("Path", "User")
if (($path -split ";") -notcontains $To) {
    if ($AddToPath) { [Environment]::SetEnvironmentVariable("Path", (@($path -split ";" | Where-Object { $_ }) + $To) -join ";", "User") }
    else { Write-Host "note: $To is not in PATH; -AddToPath puts it there" }
}
